#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A Debian of its own, as debootstrap makes it of the mirror that this machine's apt asks: nothing else of this machine is in
# it. Made once, as root, and kept: tests/packages installs the package into it, tests/containers builds its base image on it.
# usage: debian-root.sh DIR      it is unpacked into DIR, which must not be there
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: debian-root.sh DIR" >&2; exit 2; }
mkdir "$1"
dir=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
release=bookworm
kept=build/deps/debian-root.tar
[ "$(id -u)" -eq 0 ] || { echo "debian-root: a root of Debian is made and entered by root" >&2; exit 1; }

if [ ! -e $kept ]; then
    # shellcheck disable=SC2016  # apt replaces what looks like variables
    mirror=$(apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' | awk -v release=$release '$2 == release {print $1; exit}')
    [ -n "$mirror" ] || { echo "debian-root: this machine's apt knows no $release (apt-get indextargets); run apt-get update" >&2; exit 1; }
    rm -rf $kept.new
    mkdir -p $kept.new
    PATH=$PATH:/usr/sbin:/sbin debootstrap --variant=minbase $release $kept.new "$mirror"
    rm -rf $kept.new/var/cache/apt/archives/*.deb
    tar -C $kept.new -cf $kept.part .
    mv $kept.part $kept
    rm -r $kept.new
fi
tar -C "$dir" -xf $kept
