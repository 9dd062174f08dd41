#!/usr/bin/env bash
# A Docker daemon apart: all its files are in one folder, and it touches no other daemon, bridge or firewall.
#
#   docker/daemon.sh start DIR    then: export DOCKER_HOST=unix://DIR/socket
#   docker/daemon.sh stop DIR     ends it by its process id; removes DIR
#
# Needs root and dockerd (Debian: docker.io). Containers have the networks `host` and `none`.
set -euo pipefail

WAIT_SECONDS=60

die() { # die CODE WHAT WHERE NEXT
    printf 'error: %s\n  where: %s\n  next:  %s\n' "$2" "$3" "$4" >&2
    exit "$1"
}

start() {
    ((EUID == 0)) || die 3 "a Docker daemon needs root" "user $EUID" "sudo $0 start $1"
    command -v dockerd > /dev/null || die 3 "dockerd is not installed" "PATH" "apt install docker.io"
    [[ ! -e $1/pid ]] || die 2 "a daemon is here already" "$1" "$0 stop $1"
    mkdir -p "$1"
    dockerd --host "unix://$1/socket" --data-root "$1/data" --exec-root "$1/exec" --pidfile "$1/pid" \
        --bridge none --iptables=false --ip-masq=false > "$1/log" 2>&1 < /dev/null &
    local process=$! second
    for ((second = 0; second < WAIT_SECONDS; second++)); do
        if [[ -S $1/socket ]] && grep -q "API listen on" "$1/log"; then return; fi
        kill -0 "$process" 2> /dev/null || break
        sleep 1
    done
    kill "$process" 2> /dev/null || true
    die 3 "the Docker daemon does not start: $(grep -v level=info "$1/log" | tail -1)" "$1/log" "read this log"
}

stop() {
    if [[ -f $1/pid ]]; then
        local process
        process=$(< "$1/pid")
        kill "$process" 2> /dev/null || true
        tail --pid "$process" --follow /dev/null & wait $!
    fi
    # A container that used the machine's network leaves its namespace mounted.
    find "$1/exec/netns" -mindepth 1 -exec umount {} + 2> /dev/null || true
    rm -rf "$1"
}

if (($# != 2)) || [[ ! $1 =~ ^(start|stop)$ || $2 != /* ]]; then
    die 2 "start or stop and an absolute path are needed" "$0 $*" "$0 start|stop DIR"
fi
"$1" "$2"
