#!/usr/bin/env bash
# docker/slurm/submit.sh on a real Slurm of two nodes: prepare, an array with one job a training, report. Neither Apptainer
# nor the image is needed: a stand-in runs what `apptainer run IMAGE` would, in this checkout's environment.
# As root on Debian or Ubuntu; two minutes.
#
#   tests/slurm/array.sh [options of `repro all`]    default: step 11 with 16 examples and one seed, four trainings
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if (($# == 0)); then set -- --steps 11 --sizes 16 --seeds 42; fi

# shellcheck source=tools/setup_env.sh
source tools/setup_env.sh
setup_env test
# shellcheck source=tests/slurm/cluster.sh
source tests/slurm/cluster.sh

work=$(mktemp -d "${TMPDIR:-/tmp}/repro-slurm.XXXXXX")
trap 'stop_cluster; rm -rf "$work"' EXIT
chmod a+x "$work"
mkdir "$work/bin"
cat > "$work/bin/apptainer" << TEXT
#!/usr/bin/env bash
# apptainer run [options] IMAGE COMMAND…: /out is the folder that --bind names
set -euo pipefail
while [[ \$1 != *.sif ]]; do
    if [[ \$1 == --bind ]]; then out=\${2%%:/out*}; fi
    if [[ \$1 == --env ]]; then export "\$2"; fi
    shift
done
shift
cd "$REPRO_CHECKOUT"
exec "$PYTHON" -m repro "\${@/#\/out/\$out}"
TEXT
chmod +x "$work/bin/apptainer"
touch "$work/repro.sif"

queue_empty() { [[ -z $(squeue --noheader) ]]; }

start_cluster "$work/cluster"
PATH=$work/bin:$PATH SBATCH_OPTIONS=--cpus-per-task=1 GPU_OPTIONS="" TRAININGS=4 docker/slurm/submit.sh "$work/repro.sif" "$work/run" "$@"
wait_until 1800 "all jobs have ended" queue_empty
squeue --noheader --states=all --sort=i --Format=ArrayJobID:6,ArrayTaskID:6,Name:18,NodeList:6,StartTime:22,EndTime:22,State:12
tail --lines=3 "$work"/run/logs/slurm-*.log
test -s "$work/run/report.md"
[[ $(find "$work/run/training" -name result.json | wc -l) == 4 ]]
echo "report complete"
