#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Holds the source tour of README.md (the section with that title) against the tree: what it names in
# backticks must exist, and every folder of src/, rooms within rooms too, and every other folder of sources must
# be in it by its path.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
code=0
git ls-files >/dev/null || exit # which folders are kept is known to git
wrong() {
    echo "README.md, source tour: $*"
    code=1
}

tour=$(awk 'tolower($0) ~ /^#+ .*source tour/ {on = 1; next} /^## / {on = 0} on' README.md)
[ -n "$tour" ] || { wrong "there is no section of that name"; exit 1; }
# Paths have a slash or a file's ending; other words in backticks are names of the code. A file without a
# folder is in the folder that was named last, as a reader takes it.
# shellcheck disable=SC2016  # the backticks are meant as they are
named=$(grep -o '`[^` ]*`' <<<"$tour" | tr -d '`' | grep -E '/|\.(c|h|py|sh|ts|md)$|^Makefile$')
[ -n "$named" ] || wrong "it names no file"
room=
while read -r path; do
    case $path in
    '') ;;
    */) [ -d "$path" ] || wrong "there is no folder $path"; room=$path ;;
    */*) [ -e "$path" ] || wrong "there is no $path" ;;
    *) [ -e "$room$path" ] || wrong "there is no $path in $room" ;;
    esac
done <<<"$named"
for folder in src/*/ src/*/*/ web/ tests/*/ bench/ scripts/ deploy/; do
    [ -d "$folder" ] || continue
    git ls-files --error-unmatch "$folder" >/dev/null 2>&1 || continue # nothing in it is kept
    # The folder itself: being named as a part of one within it is not enough.
    grep -qE "${folder%/}/?([^A-Za-z0-9_/]|\$)" <<<"$tour" || wrong "$folder is not mentioned"
done
exit $code
