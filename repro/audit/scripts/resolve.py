"""Which dump of the folder a script means by a path."""

import posixpath
from collections import defaultdict
from collections.abc import Iterable

from repro.audit.scripts.text import plain_path


class Dumps:
    """The dumps of a folder, found by the paths that scripts spell."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = set(paths)
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for path in self.paths:
            self._by_name[posixpath.basename(path)].append(path)

    def resolve(self, path: str, script: str) -> str | None:
        """The dump that is meant: relative to the script's folder, or to the root, or the only one with this ending.

        Of a path that begins with something unknown, what follows it decides.
        """
        plain = plain_path(path, script)
        for candidate in (posixpath.normpath(posixpath.join(posixpath.dirname(script), plain)), plain):
            if candidate in self.paths:
                return candidate
        tail = plain.rpartition("⟩")[2].removeprefix("/").lstrip("./")
        if "⟩" in plain and not plain.rpartition("⟩")[2].startswith("/"):
            return None
        named = self._by_name.get(posixpath.basename(tail), [])
        ending = [dump for dump in named if dump == tail or dump.endswith(f"/{tail}")]
        return ending[0] if len(ending) == 1 else None
