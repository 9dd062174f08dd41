#!/bin/sh
# A container starts this (under tini): `repro` with the container's arguments, in /out. Temporary files and caches go to
# /cache if it is mounted, else below /out, so that nothing else has to be writable, whoever the user is.
set -eu

out=${REPRO_OUT:-/out}
cache=${XDG_CACHE_HOME:-/cache}

writable() {
    [ -d "$1" ] && [ -w "$1" ] && [ -x "$1" ]
}

# A run needs /out; asking for its options does not.
runs() {
    [ "${1-}" = all ] || return 1
    for argument; do
        case $argument in -h | --help) return 1 ;; esac
    done
}

if writable "$out"; then
    cd "$out"
    writable "$cache" || cache=$out/.cache
elif runs "$@"; then
    {
        echo "repro: $out cannot be written by user $(id -u):$(id -g), so there is no place for the results"
        echo "  where: $out"
        echo "  next:  mount a folder of yours there and run as its owner:"
        echo "         docker run --user \"\$(id -u):\$(id -g)\" -v \"\$PWD/out:$out\" …"
    } >&2
    exit 3
fi

if mkdir -p "$cache" 2> /dev/null && writable "$cache"; then
    export XDG_CACHE_HOME="$cache" HOME="$cache"
    if ! writable "${TMPDIR:-/tmp}"; then
        mkdir -p "$cache/tmp"
        export TMPDIR="$cache/tmp"
    fi
fi
exec python -m repro "$@"
