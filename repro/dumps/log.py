"""Text logs of comparisons: those of ``reprod_log``, and lines in which other scripts print differences."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_VALUE = re.compile(r"(mean|max|min) diff: check passed: (True|False), value: (\S+)")
_END = re.compile(r"diff check (?:passed|failed)\s*$")
# "[2021/10/22 22:36:47] root INFO: "
_PREFIX = re.compile(r"^(?:\[[^\]]*\]\s*)?(?:\S+ (?:DEBUG|INFO|WARNING|ERROR): )?")

_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,3})?|nan"
_ANY_GAP = re.compile("diff|err|delta|gap", re.IGNORECASE)
_GAP = r"(?:diff(?:erence|s)?|err(?:or)?|delta|gap)"
_MEASURED = re.compile(
    rf"(?:(mean|avg|average|max|maximum|min|minimum)[ _-]*)?(?:abs(?:olute)?[ _-]*)?{_GAP}\b"
    rf"(?:\s+(?:of|for|in|at|on)\s+(?P<name>[\w./-]+))?\s*(?:[:=]|\bis\b)?\s*({_NUMBER})(?![\w.])",
    re.IGNORECASE,
)
_NAMED = re.compile(r"^\s*(?:key|name|layer|check(?:ing)?|compare)?[\s:]*([\w./\[\]-]*\w)", re.IGNORECASE)
_PLAIN = re.compile(rf"^\s*([\w./\[\]-]*\w)\s*[:=]\s*({_NUMBER})(?![\w.])", re.IGNORECASE)
_RELATIVE = re.compile(r"\brel(?:ative)?\b|%", re.IGNORECASE)
_LIMIT = re.compile(
    rf"(?:\b(?:limit|thresh(?:old)?|tol(?:erance)?|atol)\b\s*(?:[:=]|\bis\b)?|[<>≤≥]=?)\s*({_NUMBER})(?![\w.])",
    re.IGNORECASE,
)
_VERDICT = {True: re.compile(r"\b(?:pass(?:ed)?|ok|success)\b", re.I), False: re.compile(r"\bfail(?:ed|ure)?\b", re.I)}
_MEASURES = {"avg": "mean", "average": "mean", "maximum": "max", "minimum": "min", "": "any"}
MAX_TEXT = 400  # characters of a line; longer ones are no lines of a log of differences


@dataclass(frozen=True)
class Line:
    """What a log says of one key, with ``value`` as printed.

    Attributes:
        name: of the key; those of nested dicts are joined with ``.``.
        passed: the verdict; None where a script prints none.
        measure: of |a - b|: ``mean``, ``max``, ``min``, or ``any`` where a script does not say.
        limit: the absolute threshold that the line itself prints.
    """

    name: str
    passed: bool | None
    value: str
    measure: str = "mean"
    limit: float | None = None


def reports(log: Iterable[str]) -> list[tuple[Line, ...]]:
    """The reports in a log of ``reprod_log``, each with its keys in order.

    The helper keeps its first file open, so that every later report of the same process is written into it too.
    Lines in another wording are skipped.
    """
    gathered: list[list[Line]] = [[]]
    path: list[tuple[int, str]] = []  # indentation and name of the dicts around a line
    for text in log:
        if match := _VALUE.search(text):
            name = ".".join(name for _, name in path)
            gathered[-1].append(Line(name, match[2] == "True", match[3], match[1]))
        elif _END.search(text):
            gathered.append([])
        else:
            plain = _PREFIX.sub("", text)
            indent = len(plain) - len(plain.lstrip())
            while path and path[-1][0] >= indent:
                path.pop()
            path.append((indent, plain.strip().removesuffix(":")))
    return [tuple(lines) for lines in gathered if lines]


def parse(log: Iterable[str]) -> list[Line]:
    """Keys of all reports of a log of ``reprod_log``, in order."""
    return [line for report in reports(log) for line in report]


def means(log: Iterable[str]) -> list[Line]:
    """Lines about mean differences, which is what documents quote."""
    return [line for line in parse(log) if line.measure == "mean"]


def printed_differences(log: Iterable[str], *, named_for_it: bool) -> list[Line]:
    """Differences in lines of a form of their own, such as ``logits: max diff 1e-6, mean diff 2e-7 passed``.

    A line without a name is about the only array there is; several such lines could be about anything.

    Args:
        named_for_it: whether the name of the log says that its numbers are differences: ``logits: 1e-6``.
    """
    likely = (text for text in log if len(text) <= MAX_TEXT and (named_for_it or _ANY_GAP.search(text)))
    lines = [line for text in likely for line in _differences(text, named_for_it)]
    nameless = Counter(line.measure for line in lines if not line.name)
    return [line for line in lines if line.name or nameless[line.measure] == 1]


def _differences(text: str, named_for_it: bool) -> Iterator[Line]:
    if _RELATIVE.search(text):
        return
    plain = _PREFIX.sub("", text)
    verdicts = {verdict for verdict, pattern in _VERDICT.items() if pattern.search(plain)}
    passed = verdicts.pop() if len(verdicts) == 1 else None
    limits = [] if "rtol" in plain.lower() else _LIMIT.findall(plain)
    limit = float(limits[0]) if len(limits) == 1 else None
    matches = list(_MEASURED.finditer(plain))
    for match in matches:
        before = _NAMED.match(plain[: matches[0].start()])
        name = match["name"] or (before[1] if before else "")
        if name or "diff" in match[0].lower():
            word = (match[1] or "").lower()
            measure = _MEASURES.get(word, word)
            yield Line(name, passed, match[3], measure, limit if len(matches) == 1 else None)
    if not matches and named_for_it and (single := _PLAIN.match(plain)):
        yield Line(single[1], passed, single[2], "any", limit)
