#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The core (order, format, sums, window and what they use of base) runs inside other programs too, and so
# do the kernel and what it links of the rooms between: they must not end them, take memory past the
# handle, read files or talk. Lists what these objects take from outside and fails on anything that is
# not known to be harmless.
#     scripts/check-core.sh [BUILD]      (default: build; its objects must be there)
set -uo pipefail
cd "$(dirname "$0")/.." || exit
objects=${1:-build}/obj
kernel=${1:-build}/pic/kernel # only the shared library has it

# What the core may use: libc without state, a seed, and the JSON reader with a pool of ours.
allowed="memchr memcmp memcpy memmove memset bcmp snprintf vsnprintf strchr strcmp strlen strncasecmp memmem
getrandom time __stack_chk_fail _GLOBAL_OFFSET_TABLE_ yyjson_alc_pool_init yyjson_read_opts"
# The one file that knows malloc is the handle's.
heap_allowed="malloc calloc realloc free mmap mmap64 munmap madvise"
# Those that know files are the window's.
file_allowed="__errno_location strerror strerror_r __xpg_strerror_r open open64 openat openat64 close read write pread
pread64 pwrite pwrite64 pwritev pwritev64 fstat fstat64 lstat lstat64 geteuid ftruncate ftruncate64 posix_fallocate posix_fallocate64 fallocate fallocate64 fsync
fdatasync rename renameat unlink unlinkat mkdir flock fcntl fcntl64 mmap mmap64 munmap msync madvise sysconf
fdopendir readdir closedir futimens sync_file_range strncmp strtol strtoll strtoull clock_system clock_sleep_ms"
# What the kernel links of rooms above the core.
between="engine/judge engine/submission engine/clock_course store/split/split_batch store/tally_write"

shopt -s nullglob
core=()
for name in arena base64 buf error hash heap text; do
    core+=("$objects/base/$name.o")
done
core+=("$objects"/order/*.o "$objects"/format/*.o "$objects"/sums/*.o "$objects"/window/*.o "$kernel"/*.o)
for name in $between; do
    core+=("$objects/$name.o")
done
for object in "${core[@]}"; do
    [ -f "$object" ] || { echo "$object is not there; run make first"; exit 1; }
done
sources=$(find src/order src/format src/sums src/window src/kernel -name '*.c' | wc -l)
[ "${#core[@]}" -ge $((sources + 12)) ] || { echo "objects are missing below $objects; run make first"; exit 1; }

defined=$(nm --defined-only --extern-only --format=posix "${core[@]}" | awk 'NF > 1 {print $1}')
known=$(tr '\n' ' ' <<<"$allowed $defined")
nm --undefined-only --print-file-name --format=posix "${core[@]}" |
    awk -v known="$known" -v heap="$objects/base/heap.o" -v heap_known="$heap_allowed" \
        -v files="$kernel/window_" -v file_known="$(tr '\n' ' ' <<<"$file_allowed")" '
        BEGIN {
            n = split(known, names); for (i = 1; i <= n; i++) may[names[i]] = 1
            n = split(heap_known, names); for (i = 1; i <= n; i++) heap_may[names[i]] = 1
            n = split(file_known, names); for (i = 1; i <= n; i++) file_may[names[i]] = 1
        }
        {
            file = $1; sub(/:$/, "", file)
            if ($2 in may || (file == heap && $2 in heap_may) || (index(file, files) == 1 && $2 in file_may)) next
            print file " uses " $2 ", which the core and the kernel may not"; bad = 1
        }
        END { exit bad }'
