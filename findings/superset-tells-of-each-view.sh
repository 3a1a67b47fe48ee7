#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Superset's pages load a picture from a gateway of its makers, also where SCARF_ANALYTICS=false says not to.
#
# Versions: apache-superset 6.1.0 from PyPI.
# Expected: SCARF_ANALYTICS=false in the server's environment turns this off.
# Seen (2026-11-29): the variable is looked at when the pages are built, not when they are shown. In the package they are
#   built without it, and nothing in the package reads it: each page asks apachesuperset.gateway.scarf.sh for a picture
#   whose address has the version in it. Seen in Chromium with the variable set; Superset's default policy for browsers
#   (Talisman) even names that host as allowed.
# Output:
#   scripts with the gateway's picture    1
#   files that know SCARF_ANALYTICS       0
#   hosts of it that the policy allows    2
# What helps: a policy without these hosts (TALISMAN_CONFIG in superset_config.py), by which browsers refuse the picture.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
timeout 300 python3 -m pip --quiet --disable-pip-version-check download --no-deps --dest "$dir" apache-superset==6.1.0
timeout 120 python3 - "$dir" <<'PY'
import pathlib
import re
import sys
import zipfile

(wheel,) = pathlib.Path(sys.argv[1]).glob("apache_superset-*.whl")
pictures = knowing = 0
with zipfile.ZipFile(wheel) as package:
    for name in package.namelist():
        if name.endswith((".py", ".js", ".html")):
            text = package.read(name)
            pictures += b"scarf.sh/pixel" in text and name.endswith(".js")
            knowing += b"SCARF_ANALYTICS" in text
    policy = package.read("superset/config.py").decode().partition("TALISMAN_CONFIG = {")[2].partition("TALISMAN_DEV_CONFIG")[0]
allowed = len(re.findall(r"scarf\.sh", policy))
print(f"{'scripts with the gateway' + chr(39) + 's picture':37} {pictures}")
print(f"{'files that know SCARF_ANALYTICS':37} {knowing}")
print(f"{'hosts of it that the policy allows':37} {allowed}")
if not pictures or knowing:
    sys.exit("changed: the picture is gone, or the variable is known")
PY
