"""Files of a script: what it loads, lists, copies and saves."""

import fnmatch
import posixpath
from collections.abc import Mapping, Sequence

from repro.audit.scripts import containers, text
from repro.audit.scripts.expressions import Call
from repro.audit.scripts.library import (
    ARCHIVERS,
    COPIERS,
    LOADERS,
    SAVE_OBJECT_FIRST,
    SAVE_PATH_FIRST,
    SAVE_RECEIVER,
    framework_of,
    is_loader,
)
from repro.audit.scripts.operations import Operations
from repro.audit.scripts.values import MAX_NAME, Loaded, Opaque, Value, placeholder

SHELLS = frozenset("os.system os.popen subprocess.run subprocess.call subprocess.check_call subprocess.Popen".split())
PATHS = ("path", "file", "f", "filename", "fname", "fp", "name")
ARRAYS = ("arr", "X", "obj", "tensors")


class Files(Operations):
    """Calls on files.

    Attributes:
        files: dumps of the audited folder, for scripts that list them.
        branches: which way each condition around the present statement went.
    """

    files: Sequence[str] = ()
    branches: Mapping[int, bool]

    def file_call(self, call: Call) -> Value:
        """Result of a call that loads, lists, copies or saves files; else ``UNKNOWN``."""
        paths = [*call.arguments, *call.keywords(PATHS)]
        if paths and is_loader(call.name, paths[0]):
            loaded = self.opaque(paths[0])
            if not isinstance(loaded, Loaded):
                if (written := placeholder(loaded)) is None:
                    return containers.UNKNOWN
                loaded = self.record.load(written)
                if call.name not in LOADERS:
                    loaded = loaded.item(f".{call.name}()")  # somebody's own reader
            return loaded
        if call.name in ("glob", "iglob", "listdir") and paths:
            pattern = placeholder(self.opaque(paths[0]))
            if pattern is None:
                return containers.UNKNOWN
            if call.name != "listdir":
                return self.listed(pattern)
            return [posixpath.basename(p) if isinstance(p, str) else p for p in self.listed(f"{pattern}/*")]
        if call.full in COPIERS and len(paths) > 1:
            source = placeholder(self.opaque(paths[0]))
            self.save(call, paths[1], Opaque("copy") if source is None else self.record.load(source))
            return None
        if call.full in SHELLS and paths:
            self._shell(call, paths[0])
            return Opaque("exit code")
        return self._saving(call)

    def _shell(self, call: Call, command: Value) -> None:
        """A command that copies or renames a file; any other may write whatever it likes."""
        words = command.split() if isinstance(command, str) else containers.items(command)
        if len(words) > 2 and words[0] in ("cp", "mv", "ln", "copy") and all(isinstance(word, str) for word in words):
            self.save(call, words[-1], self.record.load(words[-2]))
        else:
            self.record.effects += 1

    def listed(self, pattern: str) -> list[Value]:
        """Dumps of the folder that match a pattern, as seen from the script's folder or from the root."""
        pattern = text.plain_path(pattern, self.script)
        deep = "**" in pattern
        pattern = pattern.replace("**/", "*")
        folder = posixpath.dirname(self.script)
        for prefix in dict.fromkeys((f"{folder}/" if folder else "", "")):
            self.record.spend(1 + len(self.files) // 8)
            names = [name.removeprefix(prefix) for name in self.files if name.startswith(prefix)]
            hits = [
                name
                for name in names
                if fnmatch.fnmatchcase(name, pattern) and (deep or name.count("/") == pattern.count("/"))
            ]
            if hits:
                return list(hits[: containers.MAX_ITEMS])
        return [Opaque(f"glob({pattern})"[:MAX_NAME])]

    def _saving(self, call: Call) -> Value:
        name, paths, arrays = call.name, call.keywords(PATHS), call.keywords(ARRAYS)
        object_first = [*call.arguments, *arrays, *paths][:2]
        path_first = [*([] if call.arguments else paths), *call.arguments, *arrays][:2]
        if name in ARCHIVERS and call.arguments:
            path, *rest = call.arguments
            self.save(call, path, {f"arr_{place}": array for place, array in enumerate(rest)} | call.named)
        elif name in SAVE_RECEIVER and call.arguments and call.receiver is not None:
            self.save(call, call.arguments[0], call.receiver)
        elif len(object_first) == 2 and (name in SAVE_OBJECT_FIRST or (name == "save" and _of_framework(call))):
            self.save(call, object_first[1], object_first[0])
        elif len(path_first) == 2 and name in SAVE_PATH_FIRST:
            self.save(call, path_first[0], path_first[1])
        else:
            return containers.UNKNOWN
        return None

    def save(self, call: Call, path: Value, value: Value) -> None:
        if (written := placeholder(self.opaque(path))) is not None:
            self.record.save(self.line(call.node), written, value, self.branches)


def _of_framework(call: Call) -> bool:
    return call.receiver is None and framework_of(call.full) != ""
