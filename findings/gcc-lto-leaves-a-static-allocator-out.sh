#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# gcc -flto: a program that is linked with jemalloc's archive keeps libc's malloc, without a word.
#
# Versions: gcc 12.2.0-14+deb12u1, binutils 2.40, Debian 12's libjemalloc-dev 5.3.0-1 (libjemalloc_pic.a), glibc 2.36.
# Expected: `gcc main.c libjemalloc_pic.a` takes jemalloc's malloc, as it does without -flto, since main.c calls malloc.
# Seen (2026-11-30): an object of -flto does not name what gcc knows by itself (malloc, free, calloc, realloc are in neither
#   list of its symbols), so nothing of the archive is asked for when the linker comes to it. After the optimised code has been
#   made malloc is wanted, and libc.so has one. No warning, exit code 0; one object without -flto that calls malloc hides it.
# Output:
#   -O2: jemalloc; -O2 -flto: libc; -O2 -flto -Wl,--require-defined=mallctl: jemalloc
# What helps: --require-defined with a name that only the allocator has. It also fails the link when the archive lacks it.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download --quiet=2 libjemalloc-dev=5.3.0-1 2>/dev/null ||
    { echo "libjemalloc-dev 5.3.0-1 cannot be downloaded: this is for Debian 12" >&2; exit 2; }
dpkg-deb --extract libjemalloc-dev_5.3.0-1_*.deb .
archive=$(echo usr/lib/*/libjemalloc_pic.a)
cat >main.c <<'C'
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    char *text = malloc(64);
    if (text == NULL) {
        return 1;
    }
    snprintf(text, 64, "%d %c", argc, argv[0][0]);
    puts(text);
    free(text);
    return 0;
}
C
made_with() {
    gcc "$@" -o main main.c "$archive" -lm -lpthread
    ./main >/dev/null
    if nm main | grep -qw mallctl; then echo jemalloc; else echo libc; fi
}
found="-O2: $(made_with -O2); -O2 -flto: $(made_with -O2 -flto); "
found+="-O2 -flto -Wl,--require-defined=mallctl: $(made_with -O2 -flto -Wl,--require-defined=mallctl)"
echo "$found"
[ "$found" = "-O2: jemalloc; -O2 -flto: libc; -O2 -flto -Wl,--require-defined=mallctl: jemalloc" ]
