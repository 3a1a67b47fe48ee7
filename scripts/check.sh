#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs the suites and counts. The last line is `N passed, N failed` (`, N skipped` when some were); the
# exit code is 0 only when nothing failed. A suite that ran no test counts as one failure.
# usage: check.sh [--full] [SUITE...]     suites: see below; none: all of them
# Logs stay in build/check/. What is needed must be installed (make deps).
set -uo pipefail
cd "$(dirname "$0")/.." || exit

full=no
if [ "${1:-}" = --full ]; then
    full=yes
    shift
fi
all_suites=(build unit tsan reference kernel integration browser crash cluster spark fuzz lint)
other_suites=(mysql8 yarn) # a part of cluster and one of spark, each alone
# The real Superset, Microsoft's reader of models, the package, deploy/ built and run, Lighthouse, the build by a profile.
long_suites=(superset powerbi deb containers lighthouse release)
suites=("$@")
if [ $# -eq 0 ]; then
    suites=("${all_suites[@]}")
    [ $full = no ] || suites+=("${long_suites[@]}")
fi
# These run the program: never an old one.
case " ${suites[*]} " in
*" build "*) ;;
*" kernel "* | *" integration "* | *" browser "* | *" crash "* | *" cluster "* | *" mysql8 "* | *" spark "* | *" yarn "* | *" superset "* | *" deb "* | *" containers "* | *" lighthouse "* | *" release "* | *" lint "*) suites=(build "${suites[@]}") ;;
esac

# Options of the user's own shell must not change what is tested.
for name in "${!SALESTIDE_@}"; do
    [[ $name != *_BIN && $name != SALESTIDE_SERVERS ]] || continue # which program to test, and where servers are
    unset "$name"
done
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export PYTHONDONTWRITEBYTECODE=1
if [ $full = yes ]; then
    export CRASH_KILLS=${CRASH_KILLS:-1000} FUZZ_SECONDS=${FUZZ_SECONDS:-300}
    export DIFFERENTIAL_EVENTS=${DIFFERENTIAL_EVENTS:-1000000} CLUSTER_EVENTS=${CLUSTER_EVENTS:-200000}
    export LIVE_VIEWERS=${LIVE_VIEWERS:-10000} BACKUPS=${BACKUPS:-20} WEBHOOK_ORDERS=${WEBHOOK_ORDERS:-2000}
    limit_s=7200 test_limit_s=3600 unit_limit_s=1800
else
    export CRASH_KILLS=${CRASH_KILLS:-50} FUZZ_SECONDS=${FUZZ_SECONDS:-5}
    limit_s=1500 test_limit_s=180 unit_limit_s=1200
fi
jobs=$(nproc)
logs=$PWD/build/check
mkdir -p "$logs"
child=
beside= # the shell of the suites that run beside the others
runner=() # what test programs are started by, when not as they are

# Runs a command within the time limit, without stdin, into the suite's log.
logged() {
    timeout --kill-after=10 "$limit_s" "$@" >>"$log" 2>&1 </dev/null &
    child=$!
    wait "$child"
    local code=$?
    child=
    [ $code -ne 124 ] || echo "check: stopped after $limit_s s: $*" >>"$log"
    return $code
}
# shellcheck disable=SC2317  # called by the trap
stop() {
    [ -z "$child" ] || kill "$child" 2>/dev/null
    [ -z "$beside" ] || kill "$beside" 2>/dev/null
    echo "check: interrupted" >&2
    exit 130
}
trap stop INT TERM

# Each suite adds to passed, failed and skipped.
passed=0 failed=0 skipped=0

count_one() { # NAME COMMAND...: a test of its own
    local name=$1
    shift
    if logged "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL $name" >>"$log"
    fi
}

suite_build() {
    count_one "the program builds" make -j"$jobs" all
    count_one "the program with fault points builds" make -j"$jobs" faults
    count_one "the program under sanitizers builds" make -j"$jobs" asan
    count_one "the tools of the tests build" make -j"$jobs" test-tools
    count_one "the programs that measure build" make -j"$jobs" bench-programs
}

# With the suites beside each other two may want the same objects at once.
made() { logged flock --no-fork "$logs/make.lock" make -j"$jobs" "$@"; }

unit_programs() {
    made -k unit-build && return
    failed=$((failed + 1))
    echo "FAIL the unit tests do not all build" >>"$log"
}
suite_unit() {
    unit_programs
    local sources=(tests/unit/test_*.c)
    # As many at a time as there are cores; counted afterwards, in order.
    run_units build/asan/unit "$jobs" "${sources[@]}"
}

# cmocka's subunit form has one line for each test and none twice: `success: name`, `failure: ...`. A
# test that began and did not end crashed its program.
run_units() { # FOLDER AT_A_TIME SOURCE...: the programs of these sources
    local folder=$1 at_a_time=$2 out=$logs/$suite source name code began ok skip
    shift 2
    rm -rf "$out"
    mkdir -p "$out"
    # shellcheck disable=SC2016  # the inner shell expands
    printf '%s\0' "$@" |
        "${runner[@]}" xargs -0 -P "$at_a_time" -n 1 bash -c '
            name=$(basename "$3" .c)
            CMOCKA_MESSAGE_OUTPUT=SUBUNIT timeout --kill-after=10 "$2" "$1/$name" \
                >"$0/$name.subunit" 2>&1 </dev/null
            echo $? >"$0/$name.code"' "$out" "$folder" "$unit_limit_s"
    for source in "$@"; do
        name=$(basename "$source" .c)
        code=$(cat "$out/$name.code")
        began=$(grep -c '^test: ' "$out/$name.subunit")
        ok=$(grep -c '^success: ' "$out/$name.subunit")
        skip=$(grep -c '^skip: ' "$out/$name.subunit")
        cat "$out/$name.subunit" >>"$log"
        grep '^skip: ' "$out/$name.subunit" | sed "s|^skip: |SKIP $name: |" >>"$log"
        passed=$((passed + ok))
        skipped=$((skipped + skip))
        failed=$((failed + began - ok - skip))
        if [ "$began" -eq 0 ] || { [ "$code" -ne 0 ] && [ $((ok + skip)) -eq "$began" ]; }; then
            failed=$((failed + 1))
            echo "FAIL $name: exit code $code after $began tests" >>"$log"
        elif [ "$code" -ne 0 ]; then
            echo "FAIL $name: exit code $code" >>"$log"
        fi
    done
}

# ThreadSanitizer: the unit tests and the program from outside. A report makes its program end with
# exit code 66, and for the program from outside it also is a file, which is a failure of its own.
# Short form: of the unit programs those that start threads at all (they ask the system for it), but four, and
# of the tests from outside the one in which all threads of a server work at once. Two are left out for
# their length and only repeat: test_failure_sweep does what test_engine_batches does with each call failing
# in turn, test_sqlite_aggregates opens and closes one store some hundred times. In the other two, which are
# long as well, nothing is ever committed on the thread that is linked in.
tsan_long=(test_failure_sweep test_sqlite_aggregates test_split_simulation test_task)
starts_threads() { nm -D --undefined-only "build/asan/unit/$1" | grep 'pthread_create\|thrd_create' >/dev/null; }
suite_tsan() {
    local reports=$logs/tsan-reports source name sources=() programs=() tests=tests/integration/test_threads.py found
    [ $full = yes ] || unit_programs # they are there after suite_unit, and tell which of them start threads
    for source in tests/unit/test_*.c; do
        name=$(basename "$source" .c)
        if [ $full = yes ] || { [[ " ${tsan_long[*]} " != *" $name "* ]] && starts_threads "$name"; }; then
            sources+=("$source")
            programs+=("build/tsan/unit/$name")
        fi
    done
    if ! made -k tsan-build TSAN_PROGRAMS="${programs[*]}"; then
        failed=$((failed + 1))
        echo "FAIL what runs under ThreadSanitizer does not all build" >>"$log"
        return
    fi
    if ! tsan_starts; then
        failed=$((failed + 1))
        echo "FAIL ThreadSanitizer does not start here (see above); on this kernel it takes: sysctl vm.mmap_rnd_bits=28" >>"$log"
        return
    fi
    local -x TSAN_OPTIONS="suppressions=$PWD/tests/tsan.supp exitcode=66 second_deadlock_stack=1"
    # More than there are cores: some wait most of their time.
    run_units build/tsan/unit $((2 * jobs)) "${sources[@]}"
    rm -rf "$reports"
    mkdir -p "$reports"
    TSAN_OPTIONS+=" log_path=$reports/report"
    if [ $full = yes ]; then
        tests=tests/integration
        # A million orders take the whole time-out under the sanitizer, ten thousand viewers its memory.
        local -x DIFFERENTIAL_EVENTS=100000 LIVE_VIEWERS=500
    fi
    SALESTIDE_BIN=build/tsan/salestide SALESTIDE_ASAN_BIN=build/tsan/salestide run_pytest "$tests" --numprocesses="$jobs" --dist=loadfile
    found=$(find "$reports" -type f | wc -l)
    if [ "$found" -eq 0 ]; then
        passed=$((passed + 1)) # the program from outside has no race
    else
        failed=$((failed + found))
        find "$reports" -type f -exec cat {} + >>"$log"
        echo "FAIL reports of ThreadSanitizer about the program: $found" >>"$log"
    fi
    runner=()
}

# Its memory has fixed places, which a kernel that strews addresses widely (vm.mmap_rnd_bits above 28) may
# have taken already: then this script and all that it starts go on without that.
tsan_starts() {
    local says
    says=$(build/tsan/salestide --version 2>&1) && return 0
    printf '%s\n' "$says" >>"$log"
    [[ $says == *"unexpected memory mapping"* ]] || return 1
    runner=(setarch -R)
    setarch -R build/tsan/salestide --version >>"$log" 2>&1
}

run_pytest() { # FOLDER [OPTION...]
    local folder=$1
    shift
    local report=$logs/$suite.xml code ok='' bad='' skip=''
    rm -f "$report"
    logged "${runner[@]}" build/venv/bin/python -m pytest -c tests/pytest.ini --rootdir=. "$folder" \
        --junitxml="$report" -o junit_family=xunit2 --durations=10 \
        --timeout="$test_limit_s" "$@"
    code=$?
    python3 scripts/junit_counts.py "$report" >"$report.counts" 2>&1
    cat "$report.counts" >>"$log"
    read -r ok bad skip < <(grep -xE '[0-9]+ [0-9]+ [0-9]+' "$report.counts")
    passed=$((passed + ${ok:-0}))
    failed=$((failed + ${bad:-0}))
    skipped=$((skipped + ${skip:-0}))
    # pytest says 5 when it found no test: zero counts, which is a failure of the suite.
    if [ -z "$skip" ] || { [ $code -ne 0 ] && [ $code -ne 5 ] && [ "$bad" -eq 0 ]; }; then
        failed=$((failed + 1))
        echo "FAIL pytest ended with code $code" >>"$log"
    fi
}
suite_reference() { run_pytest tests/reference; }
suite_kernel() { run_pytest tests/kernel; }
# They mostly wait: side by side, but the tests of one file in order, since some share a server.
suite_integration() { run_pytest tests/integration --numprocesses=$((jobs + 1)) --dist=loadfile; }
# So do these, each side with a Chromium of its own.
suite_browser() { run_pytest tests/browser --numprocesses=2 --dist=loadfile; }
suite_crash() { run_pytest tests/crash; }
# Real servers. Some at a time, each with servers of its own that its tests share (about 2 GiB, in the
# long form, which runs what is marked full too, 4): they mostly wait.
[ $full = yes ] && chosen=() || chosen=(-m 'not full')
[ $full = yes ] && at_a_time=2 || at_a_time=3
side_by_side=("--numprocesses=$at_a_time" --dist=loadfile)
suite_cluster() { run_cluster kafka cassandra mysql8 -- "${chosen[@]}" "${side_by_side[@]}"; }
suite_mysql8() { run_cluster kafka cassandra mysql8 -- -m mysql8; }
run_cluster() { # SERVER... -- OPTION...
    local servers=()
    while [ "$1" != -- ]; do
        servers+=("$1")
        shift
    done
    shift
    got_servers "${servers[@]}" || return
    if ! made cluster-build; then
        failed=$((failed + 1))
        echo "FAIL the cluster's tests in C do not all build" >>"$log"
        return
    fi
    run_pytest tests/cluster "$@"
}
got() { # WHAT COMMAND...: what a suite cannot run without
    local what=$1
    shift
    logged "$@" && return 0
    failed=$((failed + 1))
    echo "FAIL $what could not be had" >>"$log"
    return 1
}
got_servers() { got "one of the servers" scripts/get-servers.sh "$@"; } # SERVER...

# The job inside Spark. One after another: each has a driver and executors, which work all the time. HDFS and YARN
# take part in the long form only.
suite_spark() {
    local servers=(kafka cassandra)
    [ $full = no ] || servers+=(hdfs yarn)
    run_spark "${servers[@]}" -- "${chosen[@]}"
}
suite_yarn() {
    local test_limit_s=600 # some servers and a job: each starts some Javas
    run_spark kafka hdfs yarn -- -m yarn
}
run_spark() { # SERVER... -- OPTION...
    local servers=()
    while [ "$1" != -- ]; do
        servers+=("$1")
        shift
    done
    shift
    got_servers "${servers[@]}" || return
    got Spark scripts/get-spark.sh || return
    run_pytest tests/spark "$@"
}

# The dashboard of superset/ in a real Superset, which takes half a GiB and minutes to start. Of the long form only, as what follows.
suite_superset() {
    local test_limit_s=1500 limit_s=4000
    got Superset superset/start.sh install || return
    run_pytest tests/superset
}

# The model of powerbi/ by Microsoft's own library, 40 MB that nothing else needs.
suite_powerbi() {
    got "the reader of models" tests/powerbi/get.sh || return
    run_pytest tests/powerbi
}
suite_lighthouse() {
    local test_limit_s=900
    got Lighthouse tests/lighthouse/get.sh || return
    run_pytest tests/lighthouse
}

# The package on a clean Debian, and the tarball built without network. As root, of the long form only.
suite_deb() {
    local test_limit_s=1800
    run_pytest tests/packages
}

# deploy/ built and run by podman, on a base made by debootstrap. As root, some minutes for images the first time.
suite_containers() {
    local limit_s=7200 test_limit_s=2400
    got_servers kafka cassandra mysql8 || return
    run_pytest tests/containers "${chosen[@]}"
}

# The build by a profile does what the plain one does.
suite_release() {
    count_one "the same profile makes the same bytes" scripts/release.sh --twice
    [ -x build/release/salestide ] || return
    count_one "it shows what its header has" scripts/check-library.sh build/release/libsalestide.so
    SALESTIDE_LIBRARY_BIN=$PWD/build/release/libsalestide.so run_pytest tests/kernel
    SALESTIDE_BIN=build/release/salestide run_pytest tests/integration --numprocesses=$((jobs + 1)) --dist=loadfile
}

# These print `PASS name` and `FAIL name` for each of their tests.
run_counted() {
    local code ok bad
    logged "$@"
    code=$?
    ok=$(grep -c '^PASS ' "$log")
    bad=$(grep -c '^FAIL ' "$log")
    passed=$((passed + ok))
    failed=$((failed + bad))
    if [ $code -ne 0 ] && [ "$bad" -eq 0 ]; then
        failed=$((failed + 1))
        echo "FAIL $1 ended with code $code" >>"$log"
    fi
}
suite_fuzz() { run_counted scripts/fuzz.sh "$FUZZ_SECONDS"; }
# Alone (make lint) and in the long form the analyzer looks as deep as it can.
suite_lint() {
    [ $full = yes ] || [ "${#suites[@]}" -le 2 ] || local -x LINT_ANALYSIS=short
    run_counted scripts/lint.sh
}

# Runs a suite and prints what became of it, in one piece.
run_suite() { # NAME
    suite=$1 log=$logs/$1.log
    : >"$log"
    passed=0 failed=0 skipped=0
    local started=$SECONDS
    "suite_$suite"
    if [ $((passed + failed)) -eq 0 ]; then
        failed=1
        echo "FAIL no test of this suite ran" >>"$log"
    fi
    {
        if [ $failed -gt 0 ]; then
            echo "---- $suite: the end of build/check/$suite.log, and what failed"
            # Of a unit program's report only what failed, then the names alone.
            grep -vE '^(test|success): ' "$log" | tail -n 80
            grep -E '^(FAIL|failure:|error:) ?' "$log" | sort -u | head -n 40
            echo "----"
        fi
        grep '^SKIP ' "$log"
        printf '%-12s %5d passed %3d failed %3d skipped %5d s\n' \
            "$suite" "$passed" "$failed" "$skipped" $((SECONDS - started))
    } >"$logs/$suite.said"
    echo "$passed $failed $skipped" >"$logs/$suite.counted"
    flock "$logs/said.lock" cat "$logs/$suite.said"
}

for suite in "${suites[@]}"; do
    case " ${all_suites[*]} ${other_suites[*]} ${long_suites[*]} " in
    *" $suite "*) rm -f "$logs/$suite.counted" ;;
    *) echo "check: unknown suite \"$suite\"; there are: ${all_suites[*]} ${other_suites[*]} ${long_suites[*]}" >&2; exit 2 ;;
    esac
done

# In the short form those that compute all the time run beside those that mostly wait, with what these leave
# to them. The long form has time-outs and sanitizers that want the machine for themselves.
computing=() others=()
for suite in "${suites[@]}"; do
    case $full,$suite in
    no,unit | no,tsan | no,fuzz | no,lint) computing+=("$suite") ;;
    *,build) run_suite build ;;
    *) others+=("$suite") ;;
    esac
done
if [ ${#computing[@]} -gt 0 ] && [ ${#others[@]} -gt 0 ]; then
    (
        trap stop INT TERM
        renice -n 10 "$BASHPID" >/dev/null
        for suite in "${computing[@]}"; do run_suite "$suite"; done
    ) &
    beside=$!
else
    others=("${computing[@]}" "${others[@]}")
fi
for suite in "${others[@]}"; do run_suite "$suite"; done
[ -z "$beside" ] || wait "$beside"

total_passed=0 total_failed=0 total_skipped=0
for suite in "${suites[@]}"; do
    ok=0 bad=1 skip=0 # of one that was broken off
    [ ! -e "$logs/$suite.counted" ] || read -r ok bad skip <"$logs/$suite.counted"
    total_passed=$((total_passed + ok))
    total_failed=$((total_failed + bad))
    total_skipped=$((total_skipped + skip))
done

line="$total_passed passed, $total_failed failed"
[ $total_skipped -eq 0 ] || line="$line, $total_skipped skipped"
echo "$line"
[ $total_failed -eq 0 ] && [ $total_passed -gt 0 ]
