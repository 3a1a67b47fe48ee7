#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# For other scripts, which read this one: packages of Python or of npm in a folder, as a list of the tree pins them.
# A folder tells what list it was made from, and is made again when that changes: neither a virtual environment nor
# npm's folder can be renamed, so what a stopped download left has no list. Two callers at a time wait for each other.
# Who reads this has `say` and `die`.

# usage: pinned DIR STAMP WANTED WHAT MAKE...     MAKE is called when DIR/STAMP does not hold the text WANTED
pinned() {
    local dir=$1 stamp=$1/$2 wanted=$3 what=$4 lock
    shift 4
    [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || return 0
    mkdir -p "$(dirname "$dir")"
    exec {lock}>"$dir.lock"
    flock --timeout 1800 "$lock" || die "another process has been getting $what for half an hour ($dir.lock)"
    if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
        say "getting $what into $dir"
        "$@"
        printf '%s\n' "$wanted" >"$stamp"
    fi
    exec {lock}>&-
}

# usage: python_packages DIR LIST [OPTION OF PIP...]     a virtual environment in DIR with what LIST names
python_packages() {
    local dir=$1 list=$2
    shift 2
    pinned "$dir" requirements.txt "$(cat "$list")" "the Python packages of $list" make_venv "$dir" "$list" "$@"
}
make_venv() { # DIR LIST [OPTION...]
    local dir=$1 list=$2
    shift 2
    rm -rf "$dir"
    python3 -m venv "$dir" || die "python3 could not make a virtual environment in $dir"
    "$dir/bin/python" -m pip install --quiet --disable-pip-version-check "$@" --requirement "$list" </dev/null ||
        die "pip could not install what $list lists: see above"
}

# usage: npm_packages DIR FROM     in DIR what FROM/package-lock.json names
npm_packages() {
    local dir=$1 from=$2
    pinned "$dir" .installed "$(sha256sum <"$from/package-lock.json")" "the npm packages of $from" make_npm "$dir" "$from"
}
make_npm() { # DIR FROM
    command -v npm >/dev/null || die "npm is needed: run 'make deps'"
    rm -rf "$1"
    mkdir -p "$1"
    cp "$2/package.json" "$2/package-lock.json" "$1/"
    npm_ci "$1"
}
# No package's own scripts are run: none is needed.
npm_ci() { # DIR
    (cd "$1" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null >&2) ||
        die "npm could not install what package-lock.json in $(cd "$1" && pwd) lists: see above"
}
