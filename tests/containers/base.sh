#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The base of all images where no image can be pulled: Debian by debootstrap, as localhost/debian:bookworm of the podman that
# the environment (CONTAINERS_CONF, CONTAINERS_STORAGE_CONF) says. It fetches packages as this machine does: from the same
# mirror, believing the same authorities.
# usage: base.sh DIR      DIR/root is made and used again
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: base.sh DIR" >&2; exit 2; }
mkdir -p "$1"
root=$(cd "$1" && pwd)/root
export PATH=$PATH:/usr/sbin:/sbin
mirror=$({ cat /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources 2>/dev/null || true; } |
    sed -nE 's/^(URIs: |deb (\[[^]]*\] )?)(https?:[^ ]*).*/\3/p' | head -n 1)

if [ ! -e "$root.complete" ]; then
    rm -rf "$root" "$root.new"
    debootstrap --variant=minbase --include=ca-certificates bookworm "$root.new" "${mirror:-http://deb.debian.org/debian}"
    rm -rf "$root.new"/var/cache/apt/archives/*.deb
    # Authorities of this machine's own, for Java too, whose package makes its list of what is here.
    cp /usr/local/share/ca-certificates/*.crt "$root.new/usr/local/share/ca-certificates/" 2>/dev/null || true
    chroot "$root.new" update-ca-certificates
    # The security updates too, as the image of Debian has them, and settings of the registries.
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources /etc/apt/apt.conf.d/*proxy* \
        /etc/apt/apt.conf.d/*registry* /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
        [ ! -e "$file" ] || cp -L "$file" "$root.new$file"
    done
    [ ! -e "$root.new/etc/apt/sources.list.d/debian.sources" ] || [ -e /etc/apt/sources.list ] || rm -f "$root.new/etc/apt/sources.list"
    printf 'cafile = "/etc/ssl/certs/ca-certificates.crt"\nupdate-notifier = false\n' >"$root.new/usr/local/etc/npmrc"
    # dpkg has nothing to sync in a layer; manuals and the like are left out, as in the image of Debian that is slim.
    echo force-unsafe-io >"$root.new/etc/dpkg/dpkg.cfg.d/image"
    printf 'path-exclude /usr/share/%s/*\n' doc man locale info >>"$root.new/etc/dpkg/dpkg.cfg.d/image"
    rm -rf "$root.new"/usr/share/{doc,man,locale,info}/*
    mv "$root.new" "$root"
    touch "$root.complete"
fi
tar -C "$root" -c . | podman import --quiet - localhost/debian:bookworm
