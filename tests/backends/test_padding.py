"""Batches in parts of their own width, evaluation cut to the longest row, activations computed again."""

import numpy as np
import pytest

from repro.context.capture import BEYOND
from tests.backends.conftest import Results
from tests.backends.padding import LENGTHS, ROWS

BOUND = {"float32": 2e-5, "float64": 1e-13}  # of a gradient's relative L2 error: sums in another order


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("masks", ["", " dropout"])
def test_parts_have_the_loss_and_the_gradients_of_the_padded_batch(
    results: dict[str, Results], dtype: str, masks: str
) -> None:
    for name, side in results.items():
        assert len(side.texts["parts"]) > 2
        whole, parts = side.under(f"{dtype}/whole{masks}"), side.under(f"{dtype}/split{masks}")
        assert whole.keys() == parts.keys()
        sizes = {key: float(np.linalg.norm(array)) for key, array in whole.items()}
        for key, array in whole.items():
            # Gradients that are 0 in exact arithmetic (of the key's bias) are rounding alone.
            size = max(sizes[key], 1e-3 * max(sizes.values()))
            assert float(np.linalg.norm(array - parts[key])) <= BOUND[dtype] * size, (name, key)


@pytest.mark.parametrize("dtype", BOUND)
def test_a_batch_without_labels_inside_has_no_loss(results: dict[str, Results], dtype: str) -> None:
    for side in results.values():
        assert np.isnan(side.arrays[f"{dtype}/whole ignored/loss"])
        assert np.isnan(side.arrays[f"{dtype}/split ignored/loss"])


@pytest.mark.parametrize("dtype", BOUND)
def test_training_steps_compute_in_parts(results: dict[str, Results], dtype: str) -> None:
    for side in results.values():
        steps = side.under(f"{dtype}/steps")
        assert np.isfinite(steps["padded"]).all()
        assert np.allclose(steps["padded"], steps["parts"], rtol=100 * BOUND[dtype], atol=0)
        assert not np.array_equal(steps["padded"], steps["parts"])  # so parts were used


def test_parts_have_few_tokens(results: dict[str, Results]) -> None:
    shapes = [side.texts["parts"] for side in results.values()]
    assert shapes[0] == shapes[1]
    assert sum(rows for rows, _ in shapes[0]) == ROWS
    # A label stands in the padding of row 2, at 45: it needs 46 columns. Row 1 needs its 20 tokens, no more.
    assert sum(rows * width for rows, width in shapes[0]) < sum(LENGTHS) + 46 - 21 + 20


@pytest.mark.parametrize("dtype", BOUND)
def test_recomputing_activations_changes_no_bit(results: dict[str, Results], dtype: str) -> None:
    for side in results.values():
        first, again = side.under(f"{dtype}/kept"), side.under(f"{dtype}/recomputed")
        assert all(np.array_equal(again[name], first[name]) for name in first)
        assert side.texts["calls"] == [1, 2]  # of a layer: recomputed only where memory needs it


@pytest.mark.parametrize("dtype", BOUND)
def test_evaluation_is_cut_and_in_order(results: dict[str, Results], dtype: str) -> None:
    for side in results.values():
        predicted = side.under(f"{dtype}/predicted")
        assert predicted["widths"].tolist() == [48, 33, 20, 14]
        cut, padded, inside = predicted["cut"], predicted["padded"], predicted["mask"] == 1
        assert cut.dtype == padded.dtype and cut.shape == padded.shape
        difference = np.linalg.norm((padded - cut)[:, inside]) / np.linalg.norm(padded[:, inside])
        assert float(difference) < BOUND[dtype]
        beyond = cut == BEYOND
        assert beyond.any() and not beyond[:, inside].any()
        assert cut[~beyond].min() > BEYOND / 2 - 1000  # masked logits, at about -10000, come before those
