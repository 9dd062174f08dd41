#!/usr/bin/env bash
# Renews what the image is pinned to, inside the base image: the digest in images.lock, and requirements/*.txt through
# requirements/lock.sh. Needs the network.
#
#   docker/relock.sh [--base IMAGE] [-- OPTIONS OF requirements/lock.sh]
#
# --base   lock in this image (docker/base.sh makes one) and leave images.lock alone
#
# DOCKER names the client (default: docker). SSL_CERT_FILE, if set, is what uv trusts.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
docker=${DOCKER:-docker} lock=$root/docker/images.lock base=""
UV=uv==0.13.9

if [[ ${1:-} == --base ]]; then
    base=${2:?--base needs an image}
    shift 2
fi
if [[ ${1:-} == -- ]]; then shift; fi

if [[ -z $base ]]; then
    old=$(grep -v '^#' "$lock")
    "$docker" pull "${old%@*}"
    base=$("$docker" image inspect --format '{{index .RepoDigests 0}}' "${old%@*}")
    base=${old%@*}@${base#*@}
    sed -i "s|$old|$base|" "$lock" "$root/Dockerfile"
fi

DOCKER_BUILDKIT=1 "$docker" build --network host --target system --build-arg "BASE_IMAGE=$base" --tag repro-relock "$root"
options=(--rm --network host --user "$(id -u):$(id -g)" --env HOME=/tmp --volume "$root:/checkout")
if [[ -n ${SSL_CERT_FILE:-} ]]; then
    options+=(--volume "$SSL_CERT_FILE:/certificates.pem:ro" --env SSL_CERT_FILE=/certificates.pem --env PIP_CERT=/certificates.pem)
fi
# shellcheck disable=SC2016  # for the shell inside
"$docker" run "${options[@]}" repro-relock sh -euc '
    python3.11 -m venv /tmp/venv
    /tmp/venv/bin/pip install --quiet --disable-pip-version-check "$0"
    PATH=/tmp/venv/bin:$PATH exec /checkout/requirements/lock.sh "$@"' "$UV" "$@"
