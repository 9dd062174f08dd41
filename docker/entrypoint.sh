#!/bin/sh
# A container starts this (under tini): `repro` with the container's arguments, in /out. Temporary files and caches go to
# /cache if it is mounted, else below /out, so that nothing else has to be writable, whoever the user is. Without a mount
# at /out the results stay in the container.
set -eu

out=${REPRO_OUT:-/out}
cache=${XDG_CACHE_HOME:-/cache}

writable() {
    [ -d "$1" ] && [ -w "$1" ] && [ -x "$1" ]
}

mounted() {
    while read -r _ _ _ _ point _; do
        if [ "$point" = "$1" ]; then return 0; fi
    done < /proc/self/mountinfo
    return 1
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
    if runs "$@" && ! mounted "$out"; then
        REPRO_CONTAINER=$(cat /etc/hostname) # the container's id, unless it was given a name of its own
        export REPRO_CONTAINER
        {
            echo "repro: warning: nothing is mounted at $out, so the results stay in this container"
            echo "  with --rm they are gone when it ends; to keep them, start it like this:"
            echo "  docker run --user \"\$(id -u):\$(id -g)\" -v \"\$PWD/out:$out\" …"
        } >&2
    fi
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
