#!/usr/bin/env bash
# Makes a base image from Debian's packages, for machines that reach a Debian mirror but no image registry. It replaces
# the Dockerfile's BASE_IMAGE and has packages.txt installed, so that the image is then built without network.
#
#   docker/base.sh IMAGE [MIRROR]    needs root and debootstrap; default MIRROR: the one that apt uses
#
# DOCKER names the client (default: docker).
set -euo pipefail

die() { # die CODE WHAT WHERE NEXT
    printf 'error: %s\n  where: %s\n  next:  %s\n' "$2" "$3" "$4" >&2
    exit "$1"
}

(($# == 1 || $# == 2)) || die 2 "one or two arguments are needed" "$0" "$0 IMAGE [MIRROR]"
image=$1 packages=$(dirname "${BASH_SOURCE[0]}")/packages.txt
((EUID == 0)) || die 3 "debootstrap needs root" "user $EUID" "sudo $0 $*"
command -v debootstrap > /dev/null || die 3 "debootstrap is not installed" "PATH" "apt install debootstrap"
# shellcheck disable=SC2016  # apt's own placeholders
mirror=${2:-$(apt-get indextargets --format '$(SITE) $(RELEASE)' | awk '$2 == "bookworm" { print $1; exit }')}
[[ -n $mirror ]] || die 2 "apt names no mirror of Debian 12" "sources.list" "$0 $image MIRROR"

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root" # it becomes / of the image
debootstrap --variant=minbase --include="$(paste -sd, "$packages")" bookworm "$root" "$mirror" > "$root.log" 2>&1 ||
    die 3 "debootstrap failed: $(tail -1 "$root.log")" "$root.log" "check the mirror and the free disk"
rm -rf "$root.log" "$root"/{debootstrap,etc/hostname,etc/resolv.conf} "$root"/var/{lib/apt/lists,cache/apt,log}/*
tar --create --directory "$root" --sort=name --one-file-system . | "${DOCKER:-docker}" import --change 'CMD ["bash"]' - "$image"
