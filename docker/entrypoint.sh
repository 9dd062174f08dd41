#!/bin/sh
# What a container starts (under tini): `repro` with the arguments given, in /out. Temporary files and caches go to
# /cache where that is mounted, else below /out, so that nothing else need be writable, whoever the user is.
set -eu

out=${REPRO_OUT:-/out}
cache=${XDG_CACHE_HOME:-/cache}

writable() {
    [ -d "$1" ] && [ -w "$1" ] && [ -x "$1" ]
}

# A run needs /out; a question about its options does not.
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
        echo "repro: $out cannot be written by user $(id -u):$(id -g), so the results would have nowhere to go"
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
