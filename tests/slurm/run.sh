#!/usr/bin/env bash
# The mini run on a real Slurm: `repro all --executor slurm` on two nodes of this machine, one of which dies in the middle
# and comes back later. Slurm starts its job again, the run ends, and its report has the digits of a run without Slurm.
# As root on Debian or Ubuntu; half an hour on 2 quiet cores.
#
#   tests/slurm/run.sh [--native RUN] [--kill-after N] [options of `repro all`]
#
#   --native RUN     a finished run of the same profile on this machine; made first where it is missing
#   --kill-after N   the node dies when N trainings are finished (default: 10)
#
# SLURM_WORK=DIR keeps everything there; without it a temporary folder is removed at the end.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

native="" kill_after=10
while (($#)); do
    case $1 in
        --native) native=$(realpath "$2"); shift 2 ;;
        --kill-after) kill_after=$2; shift 2 ;;
        *) break ;;
    esac
done
if [[ $(id -u) != 0 ]]; then
    echo "error: the daemons of Slurm are started here, which only root can do" >&2
    exit 3
fi

# shellcheck source=tools/setup_env.sh
source tools/setup_env.sh
setup_env test
# shellcheck source=tests/slurm/cluster.sh
source tests/slurm/cluster.sh

work=${SLURM_WORK:-}
if [[ -z $work ]]; then work=$(mktemp -d "${TMPDIR:-/tmp}/repro-slurm.XXXXXX"); fi
mkdir -p "$work"
chmod a+x "$work"
clean_up() {
    if [[ -n ${launcher:-} ]]; then kill "$launcher" 2> /dev/null || true; fi
    stop_cluster
    if [[ -z ${SLURM_WORK:-} ]]; then rm -rf "$work"; fi
}
trap clean_up EXIT

# result CODE: exit code 1 of `repro all` says that a claim differs, which is a result
result() {
    (($1 <= 1)) || exit "$1"
}

trainings() {
    find "$work/run/.work/stamps" -name 'train-*.json' 2> /dev/null | wc -l
}

enough_trainings() {
    kill -0 "$launcher" || exit 3
    (($(trainings) >= kill_after))
}

busy() {
    [[ -n $(squeue --noheader --nodelist="$1" --states=RUNNING --format=%i) ]]
}

running() { [[ -n $(squeue --noheader --states=RUNNING) ]]; }
idle() { [[ -z $(squeue --noheader) ]]; }

restarted() {
    squeue --noheader --states=all --Format=RestartCnt:10 | grep -qv '^0 *$'
}

say() {
    printf '%(%H:%M:%S)T  %s\n' -1 "$*" | tee -a "$work/timeline"
}

if [[ -z $native ]]; then
    native=$work/native
    code=0
    "$PYTHON" -m repro all --out "$native" "$@" || code=$?
    result "$code"
fi

start_cluster "$work/cluster"
say "two nodes are up: $(sinfo --noheader --format='%N %T')"
"$PYTHON" -m repro all --executor slurm --out "$work/run" "$@" &
launcher=$!
wait_until 120 "a job is at work" running
kill -TERM "$launcher"
code=0
wait "$launcher" || code=$?
wait_until 20 "its jobs are cancelled" idle
say "stopped by SIGTERM: exit code $code, no job left"
((code == 143))

"$PYTHON" -m repro all --executor slurm --out "$work/run" "$@" &
launcher=$!
wait_until 7200 "$kill_after trainings" enough_trainings
wait_until 600 "a job on n2" busy n2
say "$(trainings) trainings finished; n2 is killed with job $(squeue --noheader --nodelist=n2 --format=%i)"
kill_node n2
wait_until 300 "Slurm has noticed and starts the job again" restarted
say "Slurm: $(sinfo --noheader --Node --format='%N %T' | paste -sd,); started again: $(squeue --noheader --states=all \
    --Format=JobID:8,RestartCnt:4 | awk '$2 > 0 { print $1 }' | paste -sd,)"
start_node n2
code=0
wait "$launcher" || code=$?
launcher=""
result "$code"
say "the run has ended"

echo "--- Slurm's account: job, node, start, end, restarts, state"
squeue --noheader --states=all --sort=i \
    --Format=JobID:8,NodeList:6,StartTime:22,EndTime:22,RestartCnt:4,State:12,Comment:40 | tee "$work/jobs"
cat "$work/timeline"
submitted=$(grep -c 'rule_train' "$work/jobs")
echo "jobs of trainings through sbatch: $submitted, on $(grep rule_train "$work/jobs" | awk '{ print $2 }' | sort | uniq -c | xargs)"
"$PYTHON" tools/check_report.py "$work/run" --trainings "${TRAININGS:-30}"
"$PYTHON" -m repro diff "$native" "$work/run"
