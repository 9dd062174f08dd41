"""One key of a pair as the rules see it, and what its name says about the numbers in it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import NamedTuple

from repro.audit.arithmetic import FLOAT32, Arithmetic
from repro.audit.discovery import words
from repro.audit.facts import SERIES, Facts, is_unnamed
from repro.audit.tolerance import Tolerance


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


GRADIENT = _words("grad grads gradient gradients")
METRIC = _words(
    "acc accuracy top exact em f1 f bleu rouge auc map ap miou iou dice psnr ssim fid score scores precision recall"
    " wer cer mrr ndcg hit hits metric"
)
PARAMETER = _words(
    "weight weights bias biases gamma beta kernel kernels embedding embeddings running variance parameter parameters"
    " param params init initial checkpoint ckpt state pretrained pdparams"
)
INPUT = _words("input inputs image images data label labels target targets ids mask token tokens x fake feature")
# Series without a float32 sum: schedules that both programs compute as Python does, and ratios of counts.
SCHEDULE = _words("lr rate rates schedule schedules scheduler")
# Adam's second moments carry 1 - beta2, which float32 knows only to 2^-24 / 0.001.
MOMENT = _words("sq moment moments moment2 velocity")
INDEX = _words("index indices idx arange row rows col cols edge")
PREDICTION = _words("pred preds prediction predictions argmax topk index indices")


class Objection(NamedTuple):
    """A kind of finding, its sentence, and how bad it is among keys of the same kind."""

    kind: str
    text: str
    severity: float = 0.0


Rule = Callable[["ComparedKey"], Iterator[Objection]]


@dataclass(frozen=True)
class ComparedKey:
    """A key and the comparison that was made of it.

    Attributes:
        pair: name of the pair; ``key``: as the dumps name it, or with ``#`` for the number of each member of a series.
        tolerance: of that comparison; None where no log and no script shows one.
        below: end of the range of whole numbers that the name of the key promises, if known.
        arithmetic: what the scripts beside the pair say of their precision.
        samples: how many samples the metrics of the pair are shares of, as far as a dump or a document says.
        scale: largest root mean square among the gradients of the pair.
        members: keys of a series, in the order of their numbers; ``positions`` are these, the first one 0 or 1 as 0.
    """

    pair: str
    key: str
    facts: Facts
    tolerance: Tolerance | None
    below: int | None = None
    arithmetic: Arithmetic = FLOAT32
    samples: tuple[int, ...] = ()
    scale: float = 0.0
    members: tuple[str, ...] = ()
    positions: tuple[int, ...] = ()

    @property
    def where(self) -> str:
        return f"{self.pair} [{self.key}]" if self.key else self.pair

    @cached_property
    def words(self) -> frozenset[str]:
        """Words of the key; of its file where the key says nothing."""
        return frozenset(words(PurePosixPath(self.pair).stem if is_unnamed(self.key) else self.key))

    def named(self, *names: frozenset[str]) -> bool:
        return any(not self.words.isdisjoint(each) for each in names)

    def of(self, names: frozenset[str]) -> bool:
        """Whether the name of the key or of its file has one of these words."""
        return self.named(names) or not names.isdisjoint(words(PurePosixPath(self.pair).stem))

    @property
    def is_schedule(self) -> bool:
        return self.of(SCHEDULE)

    @property
    def is_gradient(self) -> bool:
        return self.of(GRADIENT)

    @property
    def is_parameter(self) -> bool:
        return self.named(PARAMETER) and not self.is_gradient

    @property
    def is_metric(self) -> bool:
        return self.facts.dtype_a[0] == "f" and self.named(METRIC) and not self.named(GRADIENT, PARAMETER)

    @property
    def counts_samples(self) -> bool:
        """A share of samples that are right, as an accuracy is and an F1 is not."""
        return self.is_metric and self.named(_words("acc accuracy top exact em"))

    @property
    def is_series(self) -> bool:
        """A list of numbers over the steps of a training."""
        named = bool(self.members) or self.named(SERIES, SCHEDULE)
        return bool(self.facts.steps) and named and not self.named(PARAMETER, INPUT)

    @property
    def coarsest(self) -> float:
        """Unit roundoff of the coarsest arithmetic, as the numbers show it or a script says."""
        return max(self.arithmetic.roundoff, self.facts.roundoff)
