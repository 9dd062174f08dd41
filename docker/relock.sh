#!/usr/bin/env bash
# Renews the image's pins: the digest of the base image in the Dockerfile, then requirements/*.txt, by running
# requirements/lock.sh inside the base image. Needs the network.
#
#   docker/relock.sh [--base IMAGE] [-- OPTIONS OF requirements/lock.sh]
#
# --base   lock inside this image (docker/base.sh makes one) and leave the digest alone
#
# DOCKER names the client (default: docker). uv trusts SSL_CERT_FILE, if set.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
docker=${DOCKER:-docker} base=""
UV=uv==0.13.9

if [[ ${1:-} == --base ]]; then
    base=${2:?--base needs an image}
    shift 2
fi
if [[ ${1:-} == -- ]]; then shift; fi

if [[ -z $base ]]; then
    old=$(sed -n 's/^ARG BASE_IMAGE=//p' "$root/Dockerfile")
    "$docker" pull "${old%@*}"
    base=$("$docker" image inspect --format '{{index .RepoDigests 0}}' "${old%@*}")
    base=${old%@*}@${base#*@}
    sed -i "s|$old|$base|" "$root/Dockerfile"
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
