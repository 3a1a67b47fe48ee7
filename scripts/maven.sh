#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# For other scripts, which read this one: gets artifacts from the Maven registry into a folder, whole or not
# at all. The folder is made under another name and renamed when complete, so what a stopped download left is
# made again. Two callers at a time wait for each other. Who reads this says in `about` what its lines are about.

about=${about:-maven}
plugin=org.apache.maven.plugins:maven-dependency-plugin:3.6.1
# What stays out, as `copy-dependencies -DexcludeArtifactIds` takes it.
left_out=

say() { printf '%s: %s\n' "$about" "$*"; }
die() { printf '%s: %s\n' "$about" "$*" >&2; exit 1; }

# Copies artifacts, and what they need to run, into DIR/lib.
# usage: copy_artifacts DIR LOG GROUP:ARTIFACT:VERSION[:alone]...     alone: without what it needs
copy_artifacts() {
    local dir=$1 log=$2 artifact group name version alone excluded
    shift 2
    {
        echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        echo '<groupId>salestide</groupId><artifactId>servers</artifactId><version>1</version>'
        echo '<packaging>pom</packaging><dependencies>'
        for artifact in "$@"; do
            IFS=: read -r group name version alone <<<"$artifact"
            excluded=
            [ "$alone" != alone ] ||
                excluded='<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>'
            echo "<dependency><groupId>$group</groupId><artifactId>$name</artifactId>"
            echo "<version>$version</version>$excluded</dependency>"
        done
        echo '</dependencies></project>'
    } >"$dir/pom.xml"
    timeout --kill-after=10 1800 mvn --batch-mode --file "$dir/pom.xml" "$plugin:copy-dependencies" \
        -DoutputDirectory="$dir/lib" -DincludeScope=runtime -DexcludeArtifactIds="$left_out" >"$log" 2>&1 </dev/null
}

# A folder that is complete tells what it was made of; one of an older script says nothing.
is_complete() { # DIR WHAT
    [ -e "$1/.complete" ] && { [ ! -s "$1/.complete" ] || [ "$(cat "$1/.complete")" = "$2" ]; }
}

# usage: get_whole DIR STEM NAME UNPACK ARTIFACT...     its log and its lock are STEM.log and STEM.lock
get_whole() {
    local dir=$1 stem=$2 name=$3 unpack=$4
    shift 4
    local new=$dir.new log=$stem.log what="$* $left_out"
    ! is_complete "$dir" "$what" || return 0
    exec {lock}>"$stem.lock"
    flock --timeout 1800 "$lock" || die "another process has been getting $name for half an hour ($stem.lock)"
    if ! is_complete "$dir" "$what"; then
        command -v mvn >/dev/null 2>&1 || die "mvn (Maven) is missing; run: scripts/install-deps.sh servers"
        say "getting $name"
        rm -rf "$dir" "$new"
        mkdir -p "$new"
        copy_artifacts "$new" "$log" "$@" || die "Maven could not get $name; see $log"
        "$unpack" "$new" || die "what came for $name cannot be used; see $new"
        printf '%s\n' "$what" >"$new/.complete"
        mv "$new" "$dir"
        say "$name: $(du -sh "$dir" | cut -f1)"
    fi
    exec {lock}>&-
}
