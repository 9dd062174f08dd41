#!/usr/bin/env bash
# Rewrites the hash-locked requirements from the *.in files. Needs `uv` on the path and the package registry.
#
#   requirements/lock.sh              keeps the locked versions that still fit
#   requirements/lock.sh --upgrade    takes the newest versions that fit
#
# build.txt       pip and what builds packages: installed first
# runtime.txt     everything for CPU
# torch-cuda.txt  the CUDA libraries of the registry's torch: installed only where pip took that build
# gpu.txt         everything for a machine with an NVIDIA GPU, instead of runtime.txt and torch-cuda.txt
# paddle-cuda.txt CUDA 11.8 for Paddle's GPU build, beside gpu.txt and in a folder of its own
# dev.txt         tests and checks, on top of either
# audit.txt       `repro audit` alone, without a framework
# image.txt       the bill of materials of the image, apart from the others
#
# torch-cpu.txt, the CPU builds of torch that are tried first, is written by hand: its header says how.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

command -v uv > /dev/null || { echo "error: uv is not on the path" >&2; exit 3; }
keep=true
if [[ ${1:-} == --upgrade ]]; then keep=false; fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# compile NAME "LOCKS BEFORE" [uv options]: NAME.in -> $scratch/NAME.txt, for Python 3.11 and 3.12.
compile() {
    local name=$1 before=$2 lock
    shift 2
    if $keep; then # uv prefers the versions that it finds in its output file
        for lock in $before; do
            if [[ -f $lock ]]; then cat "$lock" >> "$scratch/$name.txt"; fi
        done
    fi
    echo "locking $name.in"
    uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet \
        --no-emit-index-url --no-emit-find-links --output-file "$scratch/$name.txt" "$@" "$name.in"
}

# select_packages keep|drop NAMES: the entries of the packages whose name matches, or all the others.
select_packages() {
    awk -v mode="$1" -v names="$2" '/^[a-zA-Z0-9]/ { hit = ($0 ~ names) } (mode == "keep") == !!hit'
}

# publish FILE SOURCES: stdin becomes FILE, with its header, in one step.
publish() {
    { echo "# Locked by requirements/lock.sh from $2: do not edit."; cat; } > "$scratch/published"
    mv "$scratch/published" "$1"
}

cuda='^(nvidia-|cuda-|triton==)'
compile runtime "runtime.txt torch-cuda.txt"
select_packages drop "$cuda" < "$scratch/runtime.txt" | publish runtime.txt runtime.in
select_packages keep "$cuda" < "$scratch/runtime.txt" | publish torch-cuda.txt runtime.in
compile gpu gpu.txt --constraint runtime.txt --constraint torch-cuda.txt --no-emit-package paddlepaddle
publish gpu.txt "gpu.in and runtime.in" < "$scratch/gpu.txt"
compile paddle-cuda paddle-cuda.txt
publish paddle-cuda.txt paddle-cuda.in < "$scratch/paddle-cuda.txt"
compile build build.txt --constraint runtime.txt
publish build.txt build.in < "$scratch/build.txt"
compile dev dev.txt --constraint runtime.txt
publish dev.txt dev.in < "$scratch/dev.txt"
compile audit audit.txt --constraint runtime.txt
publish audit.txt audit.in < "$scratch/audit.txt"
compile image image.txt --constraint runtime.txt
publish image.txt image.in < "$scratch/image.txt"
