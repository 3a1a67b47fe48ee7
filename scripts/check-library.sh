#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A shared library is loaded into other people's processes. It shows the functions of its header and no
# other symbol. The kernel needs no library but libc (and yyjson, where the system has it), and calls nothing
# that ends the process, takes its signals or writes to its terminal. The reader needs Kafka's client besides,
# or has it in itself with what that needs.
#     scripts/check-library.sh [LIBRARY [HEADER]]      (default: build/libsalestide.so; it must be there)
set -uo pipefail
cd "$(dirname "$0")/.." || exit
library=${1:-build/libsalestide.so}
header=${2:-include/salestide/arrow.h}
code=0 clients=no
[ "${header##*/}" != reader.h ] || clients=yes
wrong() {
    echo "$library $*"
    code=1
}
[ -f "$library" ] || { echo "$library is not there; run make first"; exit 1; }

# Every function of the header, and no more.
declared=$(grep -oE '\<salestide_[a-z_]+\(' "$header" | tr -d '(' | sort -u)
shown=$(nm --dynamic --defined-only --format=posix "$library" | awk '$2 != "A" {print $1}' | sort -u)
[ -n "$shown" ] || wrong "shows no symbol"
while read -r name; do
    [ -z "$name" ] || wrong "shows $name, which is not in $header"
done < <(comm -13 <(echo "$declared") <(echo "$shown"))
while read -r name; do
    [ -z "$name" ] || wrong "has no $name, which is in $header"
done < <(comm -23 <(echo "$declared") <(echo "$shown"))

while read -r name; do
    case $name in
    libc.so.6 | libm.so.6 | libpthread.so.0 | ld-linux*.so.* | libyyjson.so.*) ;;
    librdkafka.so.1 | libssl.so.* | libcrypto.so.* | libz.so.1 | libzstd.so.1) [ $clients = yes ] || wrong "needs $name" ;;
    *) wrong "needs $name" ;;
    esac
done < <(readelf --dynamic --wide "$library" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')

while read -r name; do
    case $name in
    abort | exit | _exit | quick_exit | __assert_fail | raise | kill | signal | sigaction | atexit | printf | __printf_chk | \
        fprintf | __fprintf_chk | puts | putchar | fputs | perror | stderr | stdout | system | popen | fork | setenv | putenv)
        [ $clients = yes ] || wrong "calls $name" ;;
    esac
done < <(nm --dynamic --undefined-only --format=posix "$library" | awk '{print $1}' | sed 's/@.*//')
exit $code
