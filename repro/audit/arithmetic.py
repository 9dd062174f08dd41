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
A wrong epsilon deep in a pre-norm encoder often stays below that: later layers mix its direction with their own, and
the outputs alone do not tell it from rounding. Dumps of each layer, or a float64 run, would.

How often two programs print the same loss (``chance_of_equal``):

* The loss of a row is a function of its outputs whose gradient is near 1 in size (of a cross-entropy: softmax minus
  one-hot, at most sqrt 2). So its error is at least that of its outputs, of root mean square g. Each program rounds it
  about six times more on the way (largest output, difference, exponentials, sum, logarithm, difference), by 0.29 ulp
  of root mean square: 0.29 sqrt(12) = ``OWN`` = 1 ulp between the two.
* Errors of N rows are independent, so their mean is off by sqrt((g^2 + OWN^2) / N) ulp. The last additions of the mean
  round partial sums of half its size, 0.29 / 2 ulp in each program: ``LAST`` = 0.2 ulp, however many rows there are.
* Together that is s. Both programs round their mean to a whole ulp: with d ulp between them, they get one result with a
  chance of 1 - |d|, from 1 ulp on never.
* Over normal d of deviation s the chance is erf(1 / (s sqrt 2)) - s sqrt(2 / pi) (1 - exp(-1 / (2 s^2))): 0.57 for
  4 rows, 0.79 for 32, 0.84 at most. Small networks trained in two orders of their sums show 0.56, 0.77 and 0.84 for 4,
  32 and 512 rows. ``EVEN`` = 1/2 is the least: 0.36 to 0.58 was measured for losses of few rows.
"""

import math
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
EVEN, OWN, LAST = 0.5, 1.0, 0.2

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


def chance_of_equal(error: float, rows: int) -> float:
    """Chance that two programs compute one mean loss to the bit, at least ``EVEN``.

    Args:
        error: root mean square of the difference of the outputs, in ulp of the loss.
        rows: over which the mean goes; 0 where that is not known.
    """
    if not rows:
        return EVEN
    deviation = math.sqrt((error**2 + OWN**2) / rows + LAST**2)
    chance = math.erf(math.sqrt(0.5) / deviation)
    chance -= deviation * math.sqrt(2 / math.pi) * -math.expm1(-0.5 / deviation**2)
    return max(EVEN, chance)
