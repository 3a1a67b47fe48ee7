#!/bin/sh
# SPDX-License-Identifier: MIT
# embed.sh NAME FILE: a C source with the file's bytes as `const char NAME[]` (a zero follows them) and
# their number as `const size_t NAME_len`.
set -eu
printf '// Generated from %s; do not edit.\n#include <stddef.h>\n' "$2"
printf 'extern const char %s[];\nextern const size_t %s_len;\nconst char %s[] = {\n' "$1" "$1" "$1"
od -An -v -tu1 "$2" | sed 's/[0-9][0-9]*/&,/g'
printf '0};\nconst size_t %s_len = %s;\n' "$1" "$(wc -c <"$2" | tr -d ' ')"
