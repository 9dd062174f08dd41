"""Compare the files of two images: kind, owner, mode, content. Times are left out: they are those of the builds.

    tools/compare_images.py IMAGE IMAGE

Exit code 0 if they agree, 1 if they do not. DOCKER names the client (default: docker).
"""

import hashlib
import os
import subprocess
import sys
import tarfile

DOCKER = os.environ.get("DOCKER", "docker")


def files(image: str) -> dict[str, tuple[object, ...]]:
    """Path -> kind, mode, owner, link target, size and sha256 of every file that a container of this image sees."""
    container = subprocess.run([DOCKER, "create", image], capture_output=True, text=True, check=True).stdout.strip()
    states: dict[str, tuple[object, ...]] = {}
    try:
        with subprocess.Popen([DOCKER, "export", container], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                for member in archive:
                    digest, content = hashlib.sha256(), archive.extractfile(member) if member.isreg() else None
                    while content and (block := content.read(1 << 20)):
                        digest.update(block)
                    state = (member.type, oct(member.mode), member.uid, member.gid, member.linkname, member.size)
                    states[member.name] = (*state, digest.hexdigest())
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, process.args)
    finally:
        subprocess.run([DOCKER, "rm", container], stdout=subprocess.DEVNULL, check=True)
    return states


def main(first: str, second: str) -> int:
    """Print what differs; returns the exit code."""
    one, other = files(first), files(second)
    different = sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path))
    for path in different:
        print(f"{path}: {one.get(path, 'missing')} and {other.get(path, 'missing')}")
    print(f"{len(one)} and {len(other)} files, {len(different)} different")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
