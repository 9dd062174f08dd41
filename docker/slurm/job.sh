#!/usr/bin/env bash
# One Slurm job in the image, through Apptainer: `sbatch docker/slurm/job.sh OPTIONS OF repro`. submit.sh submits it and
# sets REPRO_IMAGE and REPRO_RUN. Of the node the job sees only the run directory, a folder for temporary files and the GPU
# that Slurm assigned.
#SBATCH --job-name=repro
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=4
#SBATCH --mem=14G
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail

cache=$(mktemp -d)
trap 'rm -rf "$cache"' EXIT
variables=(--env REPRO_CACHE=/out/.cache/repro) # downloads are kept where every job of the run finds them
for name in CUDA_VISIBLE_DEVICES SLURM_ARRAY_TASK_ID; do
    if [[ -v $name ]]; then variables+=(--env "$name=${!name}"); fi
done
if [[ -n ${CUDA_VISIBLE_DEVICES:-} ]]; then variables+=(--nv); fi
apptainer run --containall --no-home --bind "$REPRO_RUN:/out,$cache:/cache" "${variables[@]}" "$REPRO_IMAGE" "$@"
