"""How far apart two correct programs may end up: what rounding costs, and which precision a script says it uses.

Derivation, for relative L2 differences and unit roundoff u:

* A float32 sum of n products of random signs is off by about sqrt(n) u of its size (Higham and Mary, 2019). The longest
  sums of usual networks have n = 4096 terms: 2^6 u.
* Errors of successive operations are independent, and normalisation keeps each layer's gain near 1, so L operations
  cost sqrt(L) times as much. L = 256 is 24 layers of ten operations: 2^4. Together ``FORWARD`` = 2^10 u = 6e-5. Twelve
  published BERT layers reach 1.5e-6, so this leaves room for convolutions, other devices and worse conditioning.
* A backward pass is as long again, starts from activations that are already off, and sums over the batch terms that
  nearly cancel: with 2^8 rows the sum is sqrt(2^8) = 2^4 times smaller than it would be. ``BACKWARD`` = 2^14 u.
* Coarser arithmetic (TF32, float16, bfloat16) rounds the factors and adds them up in float32. The roundings of n
  products add up like the products themselves, so n cancels: two factors and sqrt(L) are left, ``COARSE`` = 2^5 u.
* A single number may be a small difference of larger ones, as the loss of a certain answer is of logits near 16, and so
  is a gradient that vanishes, as that of a key's bias does: no difference below ``FLOOR`` = 16 u counts.
* One optimizer step multiplies a difference of losses by up to ``GROWTH_STEP``: published trainings reach 3.3 and 3.7,
  and Adam's first steps move weights by the sign of their gradients, however small these are.

What differs by less may still differ in meaning: rounding has no direction, so a factor or a constant that explains
``DIRECTED`` of the squared difference does not come from it. Measured on forward passes, rounding leaves at most 0.2
to a common factor or constant; another epsilon of a normalisation puts 0.4 to 0.95 there, from 4e-6 on.
``NOTICEABLE`` = 50 u is the size from which this is looked at, in at least ``ENOUGH`` entries.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

UNIT = 2.0**-24  # unit roundoff of float32
FORWARD = 2.0**10
BACKWARD = 2.0**14
COARSE = 2.0**5
FLOOR = 2.0**4 * UNIT
GROWTH_STEP = 10.0
DIRECTED = 0.35
NOTICEABLE = 50 * UNIT
ENOUGH = 64

_TF32 = re.compile(r"tf32|set_float32_matmul_precision\(\s*['\"](?:high|medium)['\"]", re.IGNORECASE)
_HALF = re.compile(r"\.half\(\)|float16|fp16|\bamp\b|autocast|auto_cast", re.IGNORECASE)
_BFLOAT = re.compile(r"bfloat16|\bbf16\b", re.IGNORECASE)
_FLOAT64 = re.compile(r"float64|\bf(?:p)?64\b|\bdouble\b|x64", re.IGNORECASE)
_OFF = re.compile(r"false|=\s*['\"]?0|\boff\b|disabl|without|\bno\b|\bnot\b|enabled\s*=\s*False", re.IGNORECASE)
_COARSER = ((_TF32, 2.0**-11), (_HALF, 2.0**-11), (_BFLOAT, 2.0**-8))


@dataclass(frozen=True)
class Arithmetic:
    """What scripts say of the precision of their results; float32 where they say nothing.

    Attributes:
        roundoff: unit roundoff of the coarsest arithmetic that they switch on or speak of.
        float64: whether they speak of float64, too.
    """

    roundoff: float = UNIT
    float64: bool = False


FLOAT32 = Arithmetic()


def stated_arithmetic(source: str) -> Arithmetic:
    """What a script says, line by line; a line that switches something off does not count."""
    lines = [line for line in source.splitlines() if not _OFF.search(line)]
    coarser = (unit for pattern, unit in _COARSER if any(pattern.search(line) for line in lines))
    return Arithmetic(max([UNIT, *coarser]), any(_FLOAT64.search(line) for line in lines))


def joined(several: Iterable[Arithmetic]) -> Arithmetic:
    """What several scripts say together."""
    listed = list(several)
    return Arithmetic(max([UNIT, *(one.roundoff for one in listed)]), any(one.float64 for one in listed))


def relative_cost(roundoff: float = UNIT, *, backward: bool = False) -> float:
    """Relative L2 by which two correct programs may differ, at most 1/2."""
    factor = FORWARD if roundoff <= UNIT else COARSE
    return min(0.5, factor * roundoff * (BACKWARD / FORWARD if backward else 1.0))
