#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Makes the files of an image that has the program and what it opens while it runs, and nothing else: no shell, no
# package manager. The Dockerfile calls it.
# usage: image-root.sh PROGRAM ROOT
set -euo pipefail
[ $# -eq 2 ] || { echo "usage: image-root.sh PROGRAM ROOT" >&2; exit 2; }
program=$1 root=$2
libraries=/usr/lib/$(gcc -print-multiarch)

mkdir -p "$root"/{data,tmp,etc/ssl/certs,usr/bin,usr/lib,usr/share}
chmod 1777 "$root/tmp"
chown 10001:10001 "$root/data"
ln -s usr/lib "$root/lib" # as Debian has it: libraries are named by either path
ln -s usr/lib64 "$root/lib64"
install "$program" "$root/usr/bin/salestide"

# How a user of MySQL 8 logs in, which libmariadb loads when it is asked to; and all that these and the program need.
plugins=("$libraries"/libmariadb3/plugin/{caching_sha2_password,client_ed25519,sha256_password}.so)
{
    printf '%s\n' "${plugins[@]}"
    ldd "$program" "${plugins[@]}" | grep -oE '^[[:space:]]+(/[^ ]+)|=> /[^ ]+' | grep -oE '/[^ ]+'
} | sort -u | while read -r library; do
    install -D -m 755 "$library" "$root$(realpath "$(dirname "$library")")/$(basename "$library")"
    dpkg --search "*/$(basename "$library")" | cut -d: -f1
done | sort -u | while read -r package; do # their licences want to be where they are
    install -D -m 644 "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/copyright"
done
install -D -m 644 -t "$root/usr/share/doc/salestide" LICENSE build/NOTICES
# Encodings of `load --encoding`.
cp -r "$libraries/gconv" "$root$libraries/"
# Time zones, without their doubles that count leap seconds; authorities; names of hosts as elsewhere; a name for the user.
cp -r /usr/share/zoneinfo "$root/usr/share/"
rm -rf "$root"/usr/share/zoneinfo/{posix,right}
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
echo 'salestide:x:10001:10001::/data:/usr/bin/salestide' >"$root/etc/passwd"
echo 'salestide:x:10001:' >"$root/etc/group"

# An image in which something is missing would be found out only when it runs.
chroot "$root" /usr/bin/salestide --version
