#!/usr/bin/env bash
# Builds the image.
#
#   docker/build.sh [--variant cpu|gpu] [--base IMAGE] [--wheels DIR] [--tag NAME] [-- OPTIONS OF `docker build`]
#
# --variant   gpu (default) or cpu
# --base      instead of the Dockerfile's BASE_IMAGE, for example an image of docker/base.sh
# --wheels    install every package from this folder (docker/wheels.sh fills it), without network
# --tag       default: repro:VARIANT
#
# DOCKER names the client (default: docker). SOURCE_DATE_EPOCH is the date on the label (default: the commit's).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
docker=${DOCKER:-docker}

usage() {
    printf 'error: %s\n  next:  %s [--variant cpu|gpu] [--base IMAGE] [--wheels DIR] [--tag NAME] [-- OPTIONS]\n' "$1" "$0" >&2
    exit 2
}

variant=gpu base="" wheels="" tag=""
while (($#)) && [[ $1 != -- ]]; do
    (($# > 1)) || usage "$1 needs a value"
    case $1 in
        --variant) variant=$2 ;;
        --base) base=$2 ;;
        --wheels) wheels=$2 ;;
        --tag) tag=$2 ;;
        *) usage "no option $1" ;;
    esac
    shift 2
done
if (($#)); then shift; fi
[[ $variant == cpu || $variant == gpu ]] || usage "no variant $variant"
tag=${tag:-repro:$variant} options=("$@")

cd "$root"
revision=$(git rev-parse HEAD 2> /dev/null || echo unknown)
date=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2> /dev/null || echo 315532800)}
[[ -z $base ]] || options+=(--build-arg "BASE_IMAGE=$base")
if [[ -n $wheels ]]; then
    compgen -G "$wheels/*.whl" > /dev/null || {
        printf 'error: no wheels\n  where: %s\n  next:  docker/wheels.sh %s %s\n' "$wheels" "$wheels" "$variant" >&2
        exit 2
    }
    packages=repro-wheels:$$
    # As an image: where `docker build` has no --build-context, it can mount nothing else from outside the checkout.
    tar --create --directory "$wheels" . | "$docker" import - "$packages" > /dev/null
    trap '"$docker" rmi --force "$packages" > /dev/null' EXIT
    options+=(--build-arg "WHEELS=$packages" --build-arg PIP_NO_INDEX=1 --network none)
fi
DOCKER_BUILDKIT=1 "$docker" build --tag "$tag" \
    --build-arg "VARIANT=$variant" \
    --build-arg "VERSION=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' repro/__init__.py)" \
    --build-arg "REVISION=$revision" \
    --build-arg "CREATED=$(date --utc --date "@$date" +%Y-%m-%dT%H:%M:%SZ)" \
    ${options[@]+"${options[@]}"} .
