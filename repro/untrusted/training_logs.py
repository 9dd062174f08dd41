"""Series of results in the text that a training prints: ``Epoch 3/10 … loss: 0.51 - acc: 0.81``, ``| loss 0.51 |``."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np

MAX_LINE = 2000  # characters; longer ones are printed by no loop of a training
FEWEST = 3  # numbers of a series
_NUMBER = r"[-+]?(?:\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})(?:[eE][-+]?\d{1,3})?"
_NAME = r"[A-Za-z][\w./@-]{0,60}(?: [A-Za-z(][\w./@()-]{0,60}){0,3}"
_PAIR = re.compile(rf"(?<![\w./@-])({_NAME})['\"]?\s{{0,20}}[:=]\s{{0,20}}({_NUMBER})(?![\w:/]|\.\w)")
# As fairseq prints them: a name and a number between bars.
_BETWEEN_BARS = re.compile(rf"\s*({_NAME})\s+({_NUMBER})\s*")
# Of the numbers of a training, those that it is about; the others are counters, or what the machine took.
_RESULT = re.compile(
    r"(?<![A-Za-z])(?:loss|nll|ppl|perplexity|acc|accuracy|top[-_ ]?\d|f1|bleu|rouge|auc|map|miou|psnr|em|lr"
    r"|learning[ _]rate)(?![A-Za-z])",
    re.IGNORECASE,
)
_OTHER = re.compile(r"diff|err|gap|delta|scale|best|(?<![A-Za-z])(?:max|min|tol|limit)", re.IGNORECASE)
_ANNOUNCED = re.compile(r"^.{0,60}?\bepoch\W{0,4}(\d{1,5})\s?/\s?(\d{1,5})\b", re.IGNORECASE)
_PHASE = re.compile(
    r"(?<![A-Za-z])(?:(train(?:ing)?)|eval(?:uat\w{1,4})?|val(?:id(?:ation)?)?|test(?:ing)?|dev)(?![A-Za-z])[\W_]*",
    re.IGNORECASE,
)
_REDRAWN = re.compile("[\r\b]+")  # before a progress bar is drawn again over the last one


def pairs(line: str) -> list[tuple[str, str]]:
    """(name, number as printed) of everything that a line calls by a name."""
    if line.count("|") > 1:
        parts = [_BETWEEN_BARS.fullmatch(part) for part in line.split("|")]
        if found := [(match[1], match[2]) for match in parts if match]:
            return found
    return _PAIR.findall(line)


def printed_lines(text: str) -> Iterator[str]:
    """The lines as a terminal shows them in the end: of a progress bar, its last state."""
    for line in text.split("\n"):
        if "\r" not in line and "\b" not in line:
            shown = line
        else:
            shown = next((part for part in reversed(_REDRAWN.split(line)) if part.strip()), "")
        if len(shown) <= MAX_LINE:
            yield shown


def _of_evaluation(text: str) -> bool:
    """Whether the last phase that a text names is an evaluation."""
    phases = list(_PHASE.finditer(text))
    return bool(phases) and phases[-1][1] is None


def series(text: str) -> dict[str, np.ndarray]:
    """The results that a log prints again and again, as one series for each name; float64.

    ``val_`` begins the name where it, the line before it, or a line of its own above says that it is about an
    evaluation, so that ``loss`` of a training and of its evaluations are two series, whoever prints them.
    """
    found: dict[str, list[float]] = defaultdict(list)
    above = ""
    for line in printed_lines(text):
        named = pairs(line) if _RESULT.search(line) else []  # most lines are about something else
        results = [(name, number) for name, number in named if _RESULT.search(name) and not _OTHER.search(name)]
        if results:
            before = line[: line.find(results[0][0])]
            evaluated = _of_evaluation(before if _PHASE.search(before) else above)
            for name, number in results:
                bare = re.sub(r"\W+", "_", _PHASE.sub("", name)).strip("_")
                phase = "val_" if _of_evaluation(name) or (evaluated and not _PHASE.search(name)) else ""
                found[phase + bare].append(float(number))
        above = "" if results else line
    return {name: np.array(values) for name, values in found.items() if len(values) >= FEWEST}


def announced(lines: Iterable[str]) -> int | None:
    """How many epochs a log says that it has, as ``Epoch 3/10`` does; None where it prints fewer, or says otherwise."""
    about = (line for line in lines if "poch" in line or "POCH" in line)  # few lines are, and searching takes longer
    said = [(int(match[1]), int(match[2])) for match in map(_ANNOUNCED.match, about) if match]
    totals = {total for _, total in said}
    return totals.pop() if len(totals) == 1 and max(epoch for epoch, _ in said) in totals else None
