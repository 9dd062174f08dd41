#!/usr/bin/env bash
# Stops a run in a container in the middle of training, as `docker stop` and a spot preemption do: it must end within
# 10 s with exit code 143. The same command then goes on from there.
#
#   tests/docker/interrupt.sh IMAGE OUT [OPTIONS OF `docker run`]
set -euo pipefail

STOP_SECONDS=10 START_SECONDS=900
docker=${DOCKER:-docker} image=$1 out=$2
shift 2

name=$("$docker" run --detach "$@" --volume "$out:/out" "$image" all --sizes 16,128)
trap '"$docker" rm --force "$name" > /dev/null' EXIT

finished() { find "$out/runs/mini/training" -name result.json 2> /dev/null | wc -l; }
for ((second = 0; $(finished) < 2; second++)); do
    if ((second > START_SECONDS)) || [[ $("$docker" inspect --format '{{.State.Running}}' "$name") != true ]]; then
        "$docker" logs --tail 20 "$name"
        echo "error: the run ended, or finished no training in $START_SECONDS s, before it could be stopped" >&2
        exit 1
    fi
    sleep 1
done
sleep 2 # into the next training

begin=$(date +%s%N)
"$docker" stop --time "$STOP_SECONDS" "$name" > /dev/null
milliseconds=$((($(date +%s%N) - begin) / 1000000))
code=$("$docker" inspect --format '{{.State.ExitCode}}' "$name")
"$docker" logs --tail 3 "$name"
echo "stopped after $(finished) trainings: exit code $code after $milliseconds ms"
((code == 143 && milliseconds < STOP_SECONDS * 1000))
