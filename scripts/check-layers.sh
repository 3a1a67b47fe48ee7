#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The layers are the folders of src/: holds each #include against the tables below. A lower room never
# includes a higher one, stores do not know each other, a library has its rooms, nobody but host
# includes host/. Prints `file:line: ROOM may not include WHAT` for each that does not fit.
# usage: check-layers.sh [SRC]     the tree to check; src/ unless given
set -uo pipefail
[ $# -gt 0 ] || cd "$(dirname "$0")/.." || exit
src=${1:-src}

# ROOM: the rooms that it may include besides itself. From the lowest to the highest; a new folder needs a
# row. CORE stands for the first five, made to run inside other people's processes too.
rooms='
base:
order:           base
format:          base order
sums:            base order format
window:          base order
engine:          CORE
cql:             CORE engine
store:           CORE engine
store/split:     CORE engine store
store/sqlite:    CORE engine store
store/mysql:     CORE engine store
store/cassandra: CORE engine cql store
store/audit:     CORE engine store store/sqlite store/mysql
kernel:          CORE engine store store/split
reader:          CORE kernel
broker:          CORE engine store
webhook:         CORE engine
http:            CORE engine store webhook
live:            CORE engine store http
alerts:          CORE engine store
tool:            CORE engine broker
tool/load:       CORE engine store store/sqlite broker tool
tool/generate:   CORE engine broker webhook tool tool/load
tool/rejected:   CORE engine store broker tool
tool/tally:      CORE engine store store/split
host:            CORE engine cql store store/split store/sqlite store/mysql store/cassandra store/audit
host:            broker webhook http live alerts tool tool/load tool/generate tool/rejected tool/tally
'
core='base order format sums window'

# LIBRARY'S HEADERS: the rooms that may include them. What is in neither list is no header that we use.
libraries='
xxhash.h:              base
yyjson.h:              format store kernel broker webhook live tool tool/tally
sqlite3.h:             store/sqlite
mysql.h:               store/mysql
mysqld_error.h:        store/mysql
errmsg.h:              store/mysql
librdkafka/rdkafka.h:  broker reader
microhttpd.h:          http
openssl/*:             cql webhook http
zlib.h:                http tool/load
curl/curl.h:           alerts tool
ini.h:                 host
emmintrin.h:           format
salestide/arrow.h:     kernel
salestide/reader.h:    reader
'
libc='assert.h ctype.h endian.h errno.h fcntl.h iconv.h inttypes.h limits.h poll.h pthread.h signal.h stdarg.h stdatomic.h
stdbool.h stddef.h stdint.h stdio.h stdlib.h string.h strings.h time.h unistd.h arpa/* dirent.h net/* netdb.h netinet/* pwd.h sys/*'

# What base has for those above the core: it reads files, takes signals or writes to the terminal. The other
# rooms of the core do none of that by themselves.
beyond_core='base/log.h base/replace_file.h base/secret.h base/stop.h base/watched_file.h'

code=0
wrong() {
    echo "$*"
    code=1
}

has() { # WORD LIST: whether a pattern of the list matches the word
    local pattern
    set -f # patterns are for `case`, not for file names
    for pattern in $2; do
        # shellcheck disable=SC2254  # the pattern is meant as one
        case $1 in $pattern) set +f; return 0 ;; esac
    done
    set +f
    return 1
}

declare -A may=() users=()
while IFS=: read -r name list; do
    [ -z "$name" ] || may[$name]="${may[$name]-} ${list//CORE/$core} $name"
done <<<"$rooms"
while IFS=: read -r name list; do
    [ -z "$name" ] || users[$name]=$list
done <<<"$libraries"

of_library() { # ROOM HEADER
    local name
    has "$2" "$libc" && return 0
    for name in "${!users[@]}"; do
        has "$2" "$name" && has "$1" "${users[$name]}" && return 0
    done
    return 1
}

n=0
while IFS=: read -r file line include; do
    n=$((n + 1))
    room=${file#"$src"/}
    room=${room%/*}
    if [ -z "${may[$room]-}" ]; then
        wrong "$file:$line: $room is no room: give it a row in scripts/check-layers.sh"
        continue
    fi
    what=${include#*[<\"]}
    what=${what%%[>\"]*}
    case $include in
    *'<'*) of_library "$room" "$what" || wrong "$file:$line: $room may not include <$what>" ;;
    *'"'*/*'"'*)
        to=${what%/*}
        if ! has "$to" "${may[$room]}"; then
            wrong "$file:$line: $room may not include $to"
        elif [ "$room" != base ] && has "$room" "$core" && has "$what" "$beyond_core"; then
            wrong "$file:$line: $room may not include $what"
        fi ;;
    *) wrong "$file:$line: an include names its room, as in \"base/text.h\"" ;;
    esac
done < <(grep -rnE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include' "$src")
[ "$n" -gt 0 ] || wrong "$src: no include is there"
exit $code
