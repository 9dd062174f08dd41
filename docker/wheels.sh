#!/usr/bin/env bash
# Downloads what the image installs into a folder, so that docker/build.sh --wheels can build without network.
#
#   docker/wheels.sh DIR [cpu|gpu]    default: gpu (5.5 GB); cpu takes 0.6 GB where pip finds a CPU build of torch
#
# Needs Python 3.11, as in the image (REPRO_PYTHON names another interpreter). What pip's cache holds is not downloaded
# again.
set -euo pipefail

# shellcheck source=tools/setup_env.sh
source "$(dirname "${BASH_SOURCE[0]}")/../tools/setup_env.sh"

if (($# < 1 || $# > 2)) || [[ ! ${2:-gpu} =~ ^(cpu|gpu)$ ]]; then
    printf 'error: a folder and perhaps cpu or gpu are needed\n  next:  %s DIR [cpu|gpu]\n' "$0" >&2
    exit 2
fi
folder=$1 variant=${2:-gpu} locks=$REPRO_CHECKOUT/requirements
python=$(REPRO_PYTHON=${REPRO_PYTHON:-python3.11} find_python)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$folder"

"$python" -m venv "$scratch/venv"
pip=("$scratch/venv/bin/python" -m pip --disable-pip-version-check)
# What builds packages that publish no wheel: pip asks them for their metadata even to download them.
"${pip[@]}" install -qq --no-deps --require-hashes -r "$locks/build.txt"

download() { # download LOCK...
    local lock files=()
    for lock; do files+=(-r "$lock"); done
    "${pip[@]}" download -qq --progress-bar off --no-deps --no-build-isolation --require-hashes --dest "$folder" "${files[@]}"
}

download "$locks/build.txt" "$locks/image.txt"
if [[ $variant == gpu ]]; then
    download "$locks/gpu.txt" "$locks/paddle-cuda.txt"
elif download "$locks/torch-cpu.txt" 2> /dev/null; then # as tools/make_venv.py: it lies in no registry
    awk '/^[a-zA-Z0-9]/ { torch = /^torch==/ } !torch' "$locks/runtime.txt" > "$scratch/runtime.txt"
    download "$scratch/runtime.txt"
else
    download "$locks/runtime.txt" "$locks/torch-cuda.txt"
fi
echo "$(find "$folder" -type f | wc -l) packages, $(du -sh "$folder" | cut -f1), in $folder"
