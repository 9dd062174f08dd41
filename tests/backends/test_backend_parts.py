"""Loss of given logits, loaders, tokenisers, initialisers and refusals."""

import numpy as np
import pytest
from scipy import stats

from repro.checkpoint import hub_shapes
from repro.numerics.distribution import Distribution
from tests.backends.conftest import CONFIG, Results, texts


def test_loss_of_given_logits_ignores_positions_beyond_the_window(results: dict[str, Results]) -> None:
    start, end = np.random.default_rng(3).standard_normal((2, 5, 9)).astype(np.float32).astype(np.float64)

    def mean(logits: np.ndarray, labels: dict[int, int]) -> float:
        losses = [np.log(np.sum(np.exp(logits[row]))) - logits[row, label] for row, label in labels.items()]
        return float(np.mean(losses))

    # starts 0 8 9 400 3, ends -4 2 8 9 9: 9 and beyond is outside, below 0 counts as 0
    expected = (mean(start, {0: 0, 1: 8, 4: 3}) + mean(end, {0: 0, 1: 2, 2: 8})) / 2
    for side in results.values():
        assert side.arrays["parts/loss"].dtype == np.float32
        assert np.isclose(float(side.arrays["parts/loss"]), expected, rtol=1e-6)
        assert np.isnan(side.arrays["parts/all_ignored"])


def test_ids_of_special_tokens_are_those_of_the_configuration(results: dict[str, Results]) -> None:
    for side in results.values():
        for name, logits in side.under("renumbered").items():
            assert np.allclose(logits, side.arrays[f"float64/logits/{name}"], rtol=1e-12, atol=1e-13)


def test_loaders_give_the_rows_in_order(results: dict[str, Results]) -> None:
    for side in results.values():
        for number, rows in enumerate([[3, 1, 11], [5], [0, 2]]):
            batch = side.under(f"batch/{number}")
            assert sorted(batch) == ["end_positions", "input_ids"]
            assert all(array.dtype == np.int64 for array in batch.values())
            assert np.array_equal(batch["end_positions"], rows)
            assert np.array_equal(batch["input_ids"], np.arange(60).reshape(12, 5)[rows])


def test_tokenisers_agree_on_everything(torch_results: Results, paddle_results: Results) -> None:
    assert torch_results.texts["tokens"] == paddle_results.texts["tokens"]
    assert torch_results.texts["ids"] == paddle_results.texts["ids"]


@pytest.mark.parametrize("backend", ["pytorch", "paddle"])
def test_special_tokens_stay_whole_and_symbols_stay_in_their_word(results: dict[str, Results], backend: str) -> None:
    tokens = dict(zip(texts(), results[backend].texts["tokens"], strict=True))
    assert tokens["Who was born in the town [MASK]."][-2:] == ["[MASK]", "."]
    assert tokens["[MASK]"] == ["[MASK]"]
    assert tokens["a[SEP]b"] == ["a", "[SEP]", "b"]
    assert tokens["[mask] [MASK"][0] == "["
    assert tokens["10° £10 2×2"] == ["10", "##°", "[UNK]", "2", "##×", "##2"]
    assert tokens["e\u0301 \u00e9"] == ["[UNK]", "\u00e9"]  # no composition of characters
    assert tokens["a" * 101] == ["[UNK]"] and tokens[""] == []
    ids = dict(zip(texts(), results[backend].texts["ids"], strict=True))
    assert ids["a[SEP]b"][1] == 102 and ids["[MASK]"] == [103]


@pytest.mark.parametrize("backend", ["pytorch", "paddle"])
def test_initialisers_follow_their_declared_distributions(results: dict[str, Results], backend: str) -> None:
    side = results[backend]
    arrays, declared = side.under("initial"), side.texts["distributions"]
    assert {name: a.shape for name, a in arrays.items()} == hub_shapes(CONFIG) and sorted(declared) == sorted(arrays)
    assert all(np.array_equal(a, side.arrays[f"again/{name}"]) for name, a in arrays.items())
    values = []
    for name, array in arrays.items():
        law = Distribution(*declared[name])
        if law.kind == "constant":
            assert np.all(array == law.first), name
            continue
        assert not array[list(law.zero_rows)].any()
        sample = np.delete(array, law.zero_rows, axis=0).ravel()
        spread = (law.first, law.second - law.first) if law.kind == "uniform" else (law.first, law.second)
        values.append(stats.kstest(sample, {"uniform": "uniform", "normal": "norm"}[law.kind], spread).pvalue)
    assert min(values) > 0.001 / len(values)
    embeddings = arrays["splinter.embeddings.word_embeddings.weight"][1:].ravel()
    assert (
        stats.kstest(embeddings, "norm", (0, CONFIG["initializer_range"] * 1.1)).pvalue < 1e-3
    )  # a std 10 % off shows


@pytest.mark.parametrize("backend", ["pytorch", "paddle"])
def test_refusals_are_readable(results: dict[str, Results], backend: str) -> None:
    messages = results[backend].texts
    assert messages["refused/layout"].startswith("InputError: weights are in the")
    assert "repro convert" in messages["refused/layout"]
    assert messages["refused/vocab"].startswith("InputError: vocabulary is missing")
    assert "choose one of: auto, cpu, gpu" in messages["refused/device"]
    assert messages["refused/gpu"].startswith("EnvironmentFault") and "compute capability" in messages["refused/gpu"]
    assert messages["refused/tf32"].startswith("EnvironmentFault") and "no tf32 on a CPU" in messages["refused/tf32"]
    assert ("Paddle has no bf16 on a CPU" in messages["refused/bf16"]) == (backend == "paddle")
    assert messages["versions"]["numpy"] == np.__version__


def test_products_are_rounded_where_it_is_asked_for_and_nowhere_else(torch_results: Results) -> None:
    rounded, exact = (torch_results.under(f"products/{name}") for name in ("bf16", "float32"))
    assert exact["before"] == torch_results.arrays["native/without"], "float32 again"
    for name in ("before", "losses", "start_logits", "weight"):
        assert rounded[name].dtype == exact[name].dtype, "weights and results stay in float32"
        gap = np.abs(rounded[name] - exact[name]).max() / np.abs(exact[name]).max()
        assert 1e-6 < gap < 0.03, name
