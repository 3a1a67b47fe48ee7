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
export PATH=$PATH:/usr/sbin:/sbin DEBIAN_FRONTEND=noninteractive

if [ ! "$root.complete" -nt "$0" ]; then # none, or by an earlier form of this
    rm -rf "$root" "$root.new" "$root.complete"
    "$(dirname "$0")/../debian-root.sh" "$root.new"
    # With the security updates, as the image of Debian has them, and settings of the registries.
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources /etc/apt/apt.conf.d/*proxy* \
        /etc/apt/apt.conf.d/*registry* /etc/pip.conf; do
        [ ! -e "$file" ] || cp -L "$file" "$root.new$file"
    done
    [ ! -e "$root.new/etc/apt/sources.list.d/debian.sources" ] || [ -e /etc/apt/sources.list ] || rm -f "$root.new/etc/apt/sources.list"
    # Authorities of this machine's own, for Java too, whose package makes its list of what is here. apt may need them already.
    mkdir -p "$root.new/etc/ssl/certs" "$root.new/usr/local/share/ca-certificates"
    cp -L /etc/ssl/certs/ca-certificates.crt "$root.new/etc/ssl/certs/"
    cp /usr/local/share/ca-certificates/*.crt "$root.new/usr/local/share/ca-certificates/" 2>/dev/null || true
    cp /etc/resolv.conf /etc/hosts "$root.new/etc/"
    chroot "$root.new" apt-get -q update
    chroot "$root.new" apt-get -q -y install --no-install-recommends ca-certificates
    rm -rf "$root.new"/var/cache/apt/archives/*.deb "$root.new"/var/lib/apt/lists/*
    printf 'cafile = "/etc/ssl/certs/ca-certificates.crt"\nupdate-notifier = false\n' >"$root.new/usr/local/etc/npmrc"
    # dpkg has nothing to sync in a layer; manuals and the like are left out and licences stay, as in the image of Debian that is slim.
    echo force-unsafe-io >"$root.new/etc/dpkg/dpkg.cfg.d/image"
    printf 'path-exclude /usr/share/%s/*\n' doc man locale info >>"$root.new/etc/dpkg/dpkg.cfg.d/image"
    echo 'path-include /usr/share/doc/*/copyright' >>"$root.new/etc/dpkg/dpkg.cfg.d/image"
    rm -rf "$root.new"/usr/share/{man,locale,info}/*
    find "$root.new/usr/share/doc" -type f ! -name copyright -delete
    mv "$root.new" "$root"
    touch "$root.complete"
fi
tar -C "$root" -c . | podman import --quiet - localhost/debian:bookworm
