#!/usr/bin/env bash
# A run on Slurm with nothing installed but Apptainer: a job that prepares, an array with one job per training, a job that
# does the rest and reports, each waiting for the one before. The same command continues an interrupted run.
#
#   docker/slurm/submit.sh IMAGE.sif RUN [options of `repro all`]
#
#   SBATCH_OPTIONS        what your site requires, and your changes to job.sh: "--account=… --partition=… --mem=20G"
#   GPU_OPTIONS           requests a GPU (default: --gpus=1; empty for --device cpu)
#   TRAININGS, PARALLEL   size of the array (default: 30), and how many of its jobs run at a time (default: 8)
set -euo pipefail

if (($# < 2)) || [[ $1 == -* ]]; then
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2
    exit 2
fi
REPRO_IMAGE=$(realpath "$1")
mkdir -p "$2"
REPRO_RUN=$(realpath "$2")
export REPRO_IMAGE REPRO_RUN
shift 2
mkdir -p "$REPRO_RUN/logs"
job=$(dirname "$(realpath "${BASH_SOURCE[0]}")")/job.sh
read -ra site <<< "${SBATCH_OPTIONS-}"
read -ra gpu <<< "${GPU_OPTIONS---gpus=1}"
last=$((${TRAININGS:-30} - 1))

# submit NAME [options of sbatch] -- OPTIONS OF repro: prints the id of the job.
submit() {
    local name=$1 options=("${site[@]}")
    shift
    while [[ $1 != -- ]]; do options+=("$1"); shift; done
    shift
    sbatch --parsable --job-name="repro-$name" --output="$REPRO_RUN/logs/slurm-$name-%j.log" "${options[@]}" "$job" "$@"
}

prepare=$(submit prepare -- all --out /out "$@" --until features)
trainings=$(submit trainings "${gpu[@]}" --array="0-$last%${PARALLEL:-8}" --dependency="afterok:$prepare" \
    --kill-on-invalid-dep=yes -- job --run /out)
report=$(submit report "${gpu[@]}" --dependency="afterany:$trainings" -- all --out /out "$@")
echo "prepare $prepare, trainings $trainings, report $report: $REPRO_RUN"
