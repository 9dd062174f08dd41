"""How a training amplifies 1 ulp in every start weight, from step 8's dumps: steps 8 and 11 compare gaps with it."""

from repro.numerics.arrays import Arrays
from repro.numerics.perturb import PREFIX
from repro.numerics.perturbation_growth import Growth, growth
from repro.numerics.verdict import EPS32


def measured_growth(a: Arrays, b: Arrays, name: str, floor: float = EPS32) -> Growth | None:
    """Growth of one quantity over as many steps as were repeated; None if there are none.

    Args:
        a, b: both frameworks' dumps of step 8.
        name: ``losses`` or ``grad_norms``.
        floor: relative error that the quantity has whatever the weights.
    """
    key = f"{PREFIX}{name}"
    if key not in a or key not in b:
        return None
    steps = min(a[key].size, a[name].size)
    return growth(a[name][:steps], b[name][:steps], a[key][:steps], b[key][:steps], floor=floor)
