"""PyTorch against Paddle on the same weights: forward, loss, gradients, training."""

import numpy as np
import pytest

from tests.backends.conftest import Results

BOUND = {"float32": 3e-6, "float64": 1e-14}
WORDS = "splinter.embeddings.word_embeddings.weight"
# Adding the same number to all scores of a softmax changes nothing: these gradients are 0 but for rounding.
ZERO_GRADIENT = ("key.bias", ".start_transform.LayerNorm.bias", ".end_transform.LayerNorm.bias")


def relative(a: np.ndarray, b: np.ndarray) -> float:
    """Relative L2 distance; shapes and dtypes must be equal."""
    assert a.shape == b.shape and a.dtype == b.dtype
    a, b = a.astype(np.float64), b.astype(np.float64)
    return float(np.linalg.norm(a - b) / np.linalg.norm(a))


def test_the_weights_are_the_same_bit_for_bit(torch_results: Results, paddle_results: Results) -> None:
    for dtype in BOUND:
        a, b = torch_results.under(f"{dtype}/parameters"), paddle_results.under(f"{dtype}/parameters")
        assert sorted(a) == sorted(b)
        for name in a:
            assert a[name].dtype == b[name].dtype == np.dtype(dtype)
            assert np.array_equal(a[name], b[name]), name


@pytest.mark.parametrize("dtype", BOUND)
def test_every_activation_agrees(torch_results: Results, paddle_results: Results, dtype: str) -> None:
    a, b = torch_results.under(f"{dtype}/activations"), paddle_results.under(f"{dtype}/activations")
    assert list(a) == list(b)
    assert list(a)[:4] == ["embeddings", "encoder.layer.0", "encoder.layer.1", "sequence_output"]
    for name in a:
        assert a[name].dtype == np.dtype(dtype)
        assert relative(a[name], b[name]) < BOUND[dtype], name
        assert np.linalg.norm(a[name]) > 0.1, name


def test_activations_have_the_promised_shapes(torch_results: Results, paddle_results: Results) -> None:
    shapes: dict[str, tuple[int, ...]] = {
        **dict.fromkeys(("embeddings", "sequence_output", "start_reps", "end_reps"), (4, 48, 32)),
        **dict.fromkeys(("query_start_reps", "query_end_reps", "start_temp", "end_temp"), (4, 1, 32)),
        **{"start_reps_transposed": (4, 32, 48), "start_logits_unmasked": (4, 1, 48), "start_logits": (4, 48)},
    }
    for results in (torch_results, paddle_results):
        activations = results.under("float32/activations")
        assert {name: activations[name].shape for name in shapes} == shapes


@pytest.mark.parametrize("dtype", BOUND)
def test_operations_run_one_by_one_are_the_forward_pass(results: dict[str, Results], dtype: str) -> None:
    for side in results.values():
        activations, alone = side.under(f"{dtype}/activations"), side.under(f"{dtype}/run")
        assert set(alone) == {*activations, "loss"}
        for name in activations:
            assert np.array_equal(alone[name], activations[name]), name
        assert np.array_equal(alone["loss"], side.arrays[f"{dtype}/loss/loss"])


@pytest.mark.parametrize("dtype", BOUND)
def test_vjps_operation_by_operation_give_the_gradients_of_the_whole(results: dict[str, Results], dtype: str) -> None:
    for side in results.values():
        whole, chained = side.under(f"{dtype}/gradients"), side.under(f"{dtype}/chained")
        assert set(chained) == set(whole)
        for name, gradient in whole.items():
            zero = name.endswith(ZERO_GRADIENT)
            scale = np.linalg.norm(gradient) if not zero else max(map(np.linalg.norm, whole.values()))
            assert np.linalg.norm(chained[name] - gradient) / scale < BOUND[dtype], name


@pytest.mark.parametrize("dtype", BOUND)
def test_a_few_rows_at_a_time_give_what_the_whole_batch_gives(results: dict[str, Results], dtype: str) -> None:
    for side in results.values():
        whole, by_rows = side.under(f"{dtype}/activations"), side.under(f"{dtype}/by_rows")
        assert list(by_rows) == list(whole)
        for name, activation in whole.items():
            assert by_rows[name].shape == activation.shape
            assert np.linalg.norm(by_rows[name] - activation) / np.linalg.norm(activation) < BOUND[dtype], name


@pytest.mark.parametrize("dtype", BOUND)
def test_a_replaced_parameter_is_used(results: dict[str, Results], dtype: str) -> None:
    for side in results.values():
        before, after = side.under(f"{dtype}/parameters"), side.under(f"{dtype}/replaced")
        name = "splinter_qass.start_classifier.weight"
        assert np.array_equal(after[name], -before[name])
        assert all(np.array_equal(after[other], before[other]) for other in before if other != name)
        logits, mask = side.under(f"{dtype}/logits"), side.under(f"{dtype}/logits")["start_logits"] > -5000
        assert np.array_equal(after["start_logits"][mask], -logits["start_logits"][mask])
        assert np.array_equal(after["end_logits"], logits["end_logits"])


@pytest.mark.parametrize("dtype", BOUND)
def test_masked_positions_get_ten_thousand_less(results: dict[str, Results], dtype: str) -> None:
    for side in results.values():
        activations = side.under(f"{dtype}/activations")
        logits = activations["start_logits"]
        masked = logits < -5000
        difference = activations["start_logits_unmasked"][:, 0] - logits
        assert masked.any() and not masked.all()
        assert np.allclose(difference[masked], 10000, atol=1e-2) and np.all(difference[~masked] == 0)


@pytest.mark.parametrize("dtype", BOUND)
def test_losses_and_gradients_agree(torch_results: Results, paddle_results: Results, dtype: str) -> None:
    a, b = torch_results.under(f"{dtype}/loss"), paddle_results.under(f"{dtype}/loss")
    assert a["loss"].shape == b["loss"].shape == () and a["loss"].dtype == b["loss"].dtype == np.dtype(dtype)
    assert relative(a["loss"], b["loss"]) < BOUND[dtype]
    assert relative(a["loss"], a["with_gradients"]) < BOUND[dtype]
    a, b = torch_results.under(f"{dtype}/gradients"), paddle_results.under(f"{dtype}/gradients")
    assert sorted(a) == sorted(b) == sorted(torch_results.under("float32/parameters"))
    total = np.linalg.norm([np.linalg.norm(gradient.astype(np.float64)) for gradient in a.values()])
    for name in a:
        if name.endswith(ZERO_GRADIENT):  # nothing but rounding, relative to the size of all gradients
            assert max(np.linalg.norm(a[name]), np.linalg.norm(b[name])) < BOUND[dtype] * total, name
        else:
            assert relative(a[name], b[name]) < 10 * BOUND[dtype], name


@pytest.mark.parametrize("dtype", BOUND)
def test_twenty_steps_with_shared_dropout_agree(torch_results: Results, paddle_results: Results, dtype: str) -> None:
    a, b = torch_results.under(f"{dtype}/train"), paddle_results.under(f"{dtype}/train")
    bound = {"float32": 2e-4, "float64": 1e-12}[dtype]
    assert np.max(np.abs(a["loss"] - b["loss"]) / a["loss"]) < bound
    assert np.max(np.abs(a["grad_norm"] - b["grad_norm"]) / a["grad_norm"]) < bound
    assert np.array_equal(a["learning_rate"], b["learning_rate"])
    assert len(set(a["loss"])) == 20
    movement = relative(
        torch_results.under(f"{dtype}/parameters")[WORDS], torch_results.under(f"{dtype}/trained")[WORDS]
    )
    apart = relative(torch_results.under(f"{dtype}/trained")[WORDS], paddle_results.under(f"{dtype}/trained")[WORDS])
    assert movement > 1e-3 and apart < movement * bound * 10


def test_the_schedule_starts_and_ends_at_zero(torch_results: Results, paddle_results: Results) -> None:
    rates = torch_results.arrays["float64/train/learning_rate"]
    assert rates[0] == 0 and rates[3] == 1e-3 and np.all(rates[15:] == 0) and np.all(rates >= 0)
    assert np.array_equal(torch_results.arrays["parts/rates"], paddle_results.arrays["parts/rates"])
    whole = torch_results.arrays["parts/rates"]
    assert whole.shape == (204,) and whole[0] == 0 and whole[20] == 3e-5 and whole[-1] == 0


def test_native_dropout_follows_the_seed(results: dict[str, Results]) -> None:
    for side in results.values():
        losses = side.arrays["native/losses"]
        assert np.array_equal(losses[0], losses[1])
        assert not np.array_equal(losses[0], losses[2])
        assert losses[0, 0] != side.arrays["native/without"]
