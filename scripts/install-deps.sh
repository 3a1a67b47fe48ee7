#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what building and testing need, and only what is missing.
# usage: install-deps.sh SET...     sets: build (compiler, libraries), web (node and npm, for the
#                                   page), test (test tools, linters, browser, proxies, Java, Python packages),
#                                   servers (what Kafka, Cassandra, MariaDB and MySQL run on, ODBC, and the
#                                   Python packages by which scripts/cluster.py and the tests start them),
#                                   packages (what builds and tries the Debian package), bench (wrk),
#                                   containers (podman and what makes an image without pulling one)
# On Debian and its relatives by apt (with sudo unless root). Elsewhere it tells what is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'deps: %s\n' "$*"; }
die() { printf 'deps: %s\n' "$*" >&2; exit 1; }
. scripts/pinned.sh

# What is missing, as Debian package names. A thing counts as there when it works, wherever it
# came from, so nothing is installed over a tool that the user has chosen.
missing=()
want_command() { command -v "$1" >/dev/null 2>&1 || missing+=("$2"); }
want_library() {
    command -v pkg-config >/dev/null 2>&1 && pkg-config --exists "$1" || missing+=("$2")
}
want_shared() { PATH=$PATH:/sbin:/usr/sbin ldconfig -p | grep "$1 " >/dev/null || missing+=("$2"); }
want_header() { [ -e "/usr/include/$1" ] || missing+=("$2"); }

want_build() {
    want_command gcc gcc
    want_command make make
    want_command pkg-config pkg-config
    want_header stdlib.h libc6-dev
    want_library libmicrohttpd libmicrohttpd-dev
    want_library sqlite3 libsqlite3-dev
    want_library zlib zlib1g-dev
    want_library libxxhash libxxhash-dev
    want_library libcrypto libssl-dev
    want_library libssl libssl-dev
    want_library libmariadb libmariadb-dev
    want_library libcurl libcurl4-openssl-dev
    want_library inih libinih-dev
    want_library jemalloc libjemalloc-dev
    [ -d /usr/share/zoneinfo ] || missing+=(tzdata)
    [ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
    # yyjson comes as source in a Python package where the system has none.
    if ! pkg-config --exists yyjson 2>/dev/null; then
        want_python
    fi
    # librdkafka comes as source in an npm package where the system's is too old.
    if ! pkg-config --exists 'rdkafka >= 2.6.1' 2>/dev/null; then
        want_library libzstd libzstd-dev
        want_command g++ g++
        want_web
    fi
}

want_python() {
    want_command python3 python3
    python3 -c 'import venv, ensurepip' >/dev/null 2>&1 || missing+=(python3-venv)
}

want_web() {
    want_command node nodejs
    want_command npm npm
}

want_test() {
    want_python
    want_web
    want_library cmocka libcmocka-dev
    want_command clang clang
    want_command clang-format clang-format
    want_command clang-tidy clang-tidy
    want_command llvm-symbolizer llvm
    want_command shellcheck shellcheck
    want_command chromium chromium
    want_command curl curl
    want_command groff groff-base
    want_command git git
    want_command openssl openssl
    java_17 || missing+=(openjdk-17-jre-headless) # openapi-generator
    want_proxies
    # The sanitizers' and libFuzzer's run-time parts come in a package of their own.
    if ! command -v clang >/dev/null 2>&1 ||
        [ ! -e "$(clang -print-resource-dir)/lib/linux/libclang_rt.fuzzer-$(uname -m).a" ]; then
        missing+=(libclang-rt-14-dev)
    fi
}

# nginx, Caddy and HAProxy, in front of which the program is tested. Their packages would start them as
# services at once and at each start of the machine, so they are only unpacked, into build/deps/proxies;
# what is installed are libraries.
proxies=build/deps/proxies
proxy_works() { # NAME
    local PATH=$PATH:/usr/sbin:$PWD/$proxies/usr/sbin:$PWD/$proxies/usr/bin
    case $1 in
    nginx) nginx -v ;;
    caddy) caddy version ;;
    haproxy) haproxy -v ;;
    esac >/dev/null 2>&1
}
# Prometheus, by which alert rules are tested: likewise.
prometheus=build/deps/prometheus
prometheus_works() {
    local PATH=$PATH:$PWD/$prometheus/usr/bin
    prometheus --version && promtool --version
} >/dev/null 2>&1
want_proxies() {
    proxy_works nginx || want_shared libpcre2-8.so.0 libpcre2-8-0
    proxy_works haproxy || {
        want_shared liblua5.3.so.0 liblua5.3-0
        want_shared libopentracing-c-wrapper.so.0 libopentracing-c-wrapper0
    }
}

# Java 17 is what both Kafka 4 and Cassandra 5 run on; a newer one beside it does no harm.
java_17() {
    local java
    for java in java /usr/lib/jvm/*17*/bin/java; do
        "$java" -version 2>&1 | grep 'version "17\.' >/dev/null && return 0
    done
    return 1
}

# mariadb-server-core is the server's program alone: unlike mariadb-server it starts nothing by itself.
# The MySQL of get-servers.sh needs libaio and libnuma.
want_servers() {
    want_python
    java_17 || missing+=(openjdk-17-jre-headless)
    want_command mvn maven
    want_command kcat kcat
    PATH=$PATH:/usr/sbin want_command mariadbd mariadb-server-core
    want_command mariadb mariadb-client
    want_command openssl openssl
    want_command flock util-linux
    want_shared libaio.so.1 libaio1
    want_shared libnuma.so.1 libnuma1
    # ODBC as Power BI's connector of MariaDB has it.
    want_shared libodbc.so.2 libodbc2
    compgen -G '/usr/lib/*/odbc/libmaodbc.so' >/dev/null || missing+=(odbc-mariadb)
}

# The package is installed into a Debian made by debootstrap; zsh and fish try the completions.
want_packages() {
    want_command dpkg-buildpackage dpkg-dev
    dpkg-query -W -f='${Status}' build-essential 2>/dev/null | grep ' installed' >/dev/null || missing+=(build-essential) # it asks for that by itself
    want_command dh debhelper
    want_command fakeroot fakeroot
    want_command systemd-analyze systemd
    PATH=$PATH:/usr/sbin want_command debootstrap debootstrap
    want_command zsh zsh
    want_command fish fish
}

# perf (linux-perf) is used where it is there.
want_bench() {
    want_python
    want_command wrk wrk
}

# As root: without user namespaces and their mappings, which a machine of a CI need not have.
want_containers() {
    local PATH=$PATH:/usr/sbin:/sbin
    want_command podman podman
    want_command buildah buildah
    want_command runc runc
    want_command debootstrap debootstrap
    want_command iptables iptables
    [ -x /usr/lib/podman/netavark ] || missing+=(netavark)
    [ -x /usr/lib/podman/aardvark-dns ] || missing+=(aardvark-dns)
}

# apt-get as root; its output goes to build/deps/apt.log.
apt_get() {
    local as_root=()
    [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300 "$@" \
        </dev/null >>build/deps/apt.log 2>&1
}

apt_update() {
    apt_get update || say "apt-get update failed (build/deps/apt.log); going on with the lists that are there"
}

install_missing() {
    [ ${#missing[@]} -gt 0 ] || return 0
    mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
    command -v apt-get >/dev/null 2>&1 ||
        die "these are missing, by their Debian names; please install what your system calls them:" \
            "${missing[*]}"
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null 2>&1 ||
        die "not root and no sudo; as root: apt-get install ${missing[*]}"
    say "installing ${missing[*]}"
    : >build/deps/apt.log
    apt_update
    apt_get install --no-install-recommends "${missing[@]}" ||
        { tail -n 20 build/deps/apt.log >&2; die "apt-get could not install: ${missing[*]}"; }
}

# Those that do not work. Needs no root, unless the lists of packages are missing or old.
unpack() { # DIR WORKS PACKAGE...: `WORKS PACKAGE` tells whether it does
    local dir=$1 works=$2 name wanted=() debs=$1/packages
    shift 2
    for name in "$@"; do
        "$works" "$name" || wanted+=("$name")
    done
    [ ${#wanted[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null 2>&1 ||
        die "these are missing, by their Debian names; please install what your system calls them:" \
            "${wanted[*]}"
    say "unpacking ${wanted[*]} into $dir"
    rm -rf "$debs"
    mkdir -p "$debs"
    download_packages "$debs" "${wanted[@]}" || { apt_update; download_packages "$debs" "${wanted[@]}"; } ||
        { tail -n 20 build/deps/apt.log >&2; die "apt-get could not get: ${wanted[*]}"; }
    for name in "$debs"/*.deb; do
        dpkg-deb --extract "$name" "$dir"
    done
    rm -r "$debs"
    for name in "${wanted[@]}"; do
        "$works" "$name" || die "$name of $dir does not run"
    done
}
download_packages() { # DIR PACKAGE...
    local log=$PWD/build/deps/apt.log
    (cd "$1" && shift && apt-get -q download "$@" </dev/null >>"$log" 2>&1)
}

[ $# -gt 0 ] || die "usage: install-deps.sh build|web|test|servers|packages|containers|bench..."
mkdir -p build/deps
for set in "$@"; do
    case $set in
    build | web | test | servers | packages | containers | bench) "want_$set" ;;
    *) die "unknown set \"$set\"; there are build, web, test, servers, packages, containers, bench" ;;
    esac
done
install_missing
case " $* " in *" test "*)
    unpack "$proxies" proxy_works nginx caddy haproxy
    unpack "$prometheus" prometheus_works prometheus
    ;;
esac
# pytest, cqlsh and what tests and scripts/cluster.py use; generators of clients for tests/integration/test_clients.py.
case " $* " in *" test "* | *" servers "*) python_packages build/venv tests/requirements.txt ;; esac
case " $* " in *" test "*)
    npm_packages build/clients tests/clients
    python_packages build/clients/venv tests/clients/requirements.txt
    ;;
esac

# node of Debian bookworm (18) is the oldest that the page's tools run on.
case " $* " in *" web "*)
    major=$(node -p 'process.versions.node.split(".")[0]')
    [ "$major" -ge 18 ] || die "node $major is too old to bundle the page; 18 or newer is needed"
    ;;
esac
