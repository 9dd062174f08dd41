"""Python source as a syntax tree: of a script, or of the code cells of a notebook."""

import ast
import json
import re
import warnings
from collections.abc import Callable, Iterable, Iterator

from repro.untrusted.source import shown

MAX_SOURCE = 1 << 20
MAX_NOTEBOOK = 16 << 20  # a notebook holds its pictures, too
# What a script has to mention to be followed: loading and comparing, or saving twice or under the name of a framework.
_LOADS = re.compile(
    r"load\w*\(|read_\w+\(|\.read\(|fromfile|genfromtxt|memmap|safe_open|File\(|\.(?:np[yz]|pkl|pth?|bin|pd\w+|h5)\b"
)
_COMPARES = re.compile(r"compar|close|equal|diff|abs\(|norm\(|mse|_loss\(|approx|almost|subtract|less|==|mean\(|max\(")
_SAVES = re.compile(r"\.save|savez|savetxt|dump|save_|tofile|copy|rename|system|subprocess|!cp|!mv")
_SIDE = re.compile(
    r"[\"'][^\"'\n]*(?:torch|paddle|tensorflow|tf|jax|mindspore|oneflow|jittor|keras|ref|ours"
    r"|(?<![a-z])(?:ms|pt|pd|pp|th|mine|port|actual|golden|after|onnx)(?![a-z]))",
    re.IGNORECASE,
)
# Magics, shell commands and questions of a notebook; a cell that begins with two percent signs is not Python at all.
_MAGIC = re.compile(r"^(\s*)((?:[\w, ]+=\s*)?[%!].*|\?.*|.*\?\s*)$")


def _statement(magic: re.Match[str]) -> str:
    """A shell command as Python calls it; anything else as a statement that does nothing."""
    indent, text = magic.groups()
    return f"{indent}os.system({text[1:]!r})" if text.startswith("!") else f"{indent}pass"


def _cells(text: str) -> Iterator[list[str]]:
    """Lines of each code cell of a notebook, its magics replaced.

    Raises:
        ValueError: not a notebook.
    """
    try:
        notebook = json.loads(text)
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code" and (lines := "".join(cell["source"]).splitlines()):
                magic = lines[0].startswith("%%")
                yield ["pass" if magic else _MAGIC.sub(_statement, line) for line in lines]
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("not a notebook") from error


def _notebook(text: str) -> ast.Module:
    """Syntax tree of a notebook without the cells that are not Python; lines are counted over all code cells."""
    module, line = ast.Module([], []), 0
    for lines in _cells(text):
        try:
            cell = ast.parse("\n".join(lines))
        except SyntaxError:  # unfinished, or of another kernel; the other cells are read all the same
            cell = ast.Module([], [])
        module.body += ast.increment_lineno(cell, line).body
        line += len(lines)
    return module


def is_relevant(text: str) -> bool:
    """Whether a script may compare dumps, or save both sides of a comparison."""
    if _LOADS.search(text) and _COMPARES.search(text):
        return True
    saves = len(_SAVES.findall(text))
    return saves > 1 or (saves == 1 and _SIDE.search(text) is not None)


def parse(path: str, text: str) -> ast.Module:
    """Syntax tree of a script or a notebook.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: not Python, or nested too deep for the parser.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on the script's own style
        return _notebook(text) if path.endswith(".ipynb") else ast.parse(text)


class Modules:
    """The scripts of a folder, each parsed once it is needed.

    Args:
        paths: the scripts.
        read: (path, largest size) -> text, empty where the file is refused.

    Attributes:
        refused: scripts that cannot be parsed, with the reason.
    """

    def __init__(self, paths: Iterable[str], read: Callable[[str, int], str]) -> None:
        self.paths, self.read = frozenset(paths), read
        self.refused: dict[str, str] = {}
        self._trees: dict[str, ast.Module] = {}

    def __contains__(self, path: str) -> bool:
        return path in self.paths

    def text(self, path: str) -> str:
        return self.read(path, MAX_NOTEBOOK if path.endswith(".ipynb") else MAX_SOURCE)

    def tree(self, path: str) -> ast.Module:
        """Syntax tree of a script; an empty one where it cannot be parsed."""
        if path not in self._trees:
            try:
                self._trees[path] = parse(path, self.text(path))
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                why = shown(str(error) or type(error).__name__)  # the parser gives no text where nesting is too deep
                self.refused[path] = f"not a script that can be parsed: {why}"
                self._trees[path] = ast.Module([], [])
        return self._trees[path]
