"""Step 1's second product, representations times query: does it lose precision, or do its inputs bring the error?"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np

from repro.config.profile import BACKEND_NAMES, BACKENDS
from repro.context.compare import CompareContext, find
from repro.numerics.arrays import Arrays
from repro.numerics.difference import relative_l2
from repro.numerics.verdict import EPS32
from repro.results import Record, Table

# The three operations of the documented bisection, as the dumps name them for "start" and "end".
OPERATIONS = {"matmul1": "{}_temp", "transpose": "{}_reps_transposed", "matmul2": "{}_logits_unmasked"}


@dataclass(frozen=True)
class Product:
    """The second product of one framework; all errors are relative L2.

    Attributes:
        which: ``start`` or ``end``.
        temp_error, reps_error, output_error: of both inputs and of the result, against the framework's float64 run.
        local_error: of the result against the float64 product of the same float32 inputs.
        bound: on the local error, as far as rounding explains it.
    """

    which: str
    side: str
    temp_error: float
    reps_error: float
    output_error: float
    local_error: float
    bound: float

    @property
    def growth(self) -> float:
        """How many times the error of the result is that of the worse input."""
        before = max(self.temp_error, self.reps_error)
        return self.output_error / before if before else 1.0


def products(context: CompareContext, records: Sequence[Record]) -> list[Product]:
    """Both frameworks' products for start and end; empty without float64 results of both."""
    measured = []
    for which in ("start", "end"):
        parts = [find(records, pattern.format(which)) for pattern in OPERATIONS.values()]
        for side in BACKENDS:
            errors = [part.error_a if side == "pytorch" else part.error_b for part in parts]
            known = [error for error in errors if error is not None]
            if len(known) < len(parts):
                return []
            temp, reps, output = known
            measured.append(Product(which, side, temp, reps, output, *_local(context.side(side), which)))
    return measured


def _local(dump: Arrays, which: str) -> tuple[float, float]:
    """(error of the float32 product on its float32 inputs, bound on it), both relative.

    Each result is a sum of n products: rounding errors of half a unit scatter to sqrt(n) / 2 units of the sum of
    absolute terms, whose size relative to the result is the condition number.
    """
    temp, reps = (dump[f"{which}_{name}"].astype(np.float64) for name in ("temp", "reps_transposed"))
    exact = np.matmul(temp, reps)
    condition = float(np.linalg.norm(np.matmul(np.abs(temp), np.abs(reps))) / np.linalg.norm(exact))
    bound = condition * EPS32 / 2 * float(np.sqrt(temp.shape[-1]))
    return relative_l2(exact, dump[f"{which}_logits_unmasked"]), bound


def products_table(measured: Sequence[Product]) -> Table:
    columns = ["product", "error of temp", "error of reps", "error of logits", "local error", "bound on local error"]
    rows = [[f"{which}, {BACKEND_NAMES[side]}", *errors] for which, side, *errors in map(astuple, measured)]
    title = "What the second product does: relative errors against float64, before and after"
    return Table(title=title, columns=columns, rows=rows)
