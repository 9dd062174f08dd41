"""Traces that arithmetic, hands and random generators leave in numbers, and results of another experiment."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from repro.audit import audit
from repro.audit.arithmetic import FLOAT32, UNIT, Arithmetic, relative_cost, stated_arithmetic
from repro.audit.documents import read_sections
from repro.audit.facts import key_facts
from repro.audit.measures import CHUNK
from repro.audit.rules.counts import documented_counts, in_documents
from repro.audit.rules.key import ComparedKey
from repro.audit.rules.keys import pair_findings
from repro.audit.rules.logs import Limit, line_findings
from repro.audit.rules.origin import is_mean_of_float32
from repro.audit.tolerance import Tolerance
from repro.dumps.log import parse
from repro.numerics.difference import measure

RNG = np.random.default_rng(11)


def kinds(
    a: np.ndarray, b: np.ndarray, name: str = "loss", pair: str = "train_*.npy", arithmetic: Arithmetic = FLOAT32
) -> set[str]:
    by_key = pair_findings([ComparedKey(pair, name, key_facts(name, a, b), None, arithmetic=arithmetic)])
    return {item.kind for items in by_key.values() for item in items}


def float32_losses(count: int = 20) -> np.ndarray:
    return (3 * np.exp(-np.arange(count) / 9) + RNG.normal(0, 0.05, count)).astype(np.float32)


@pytest.mark.parametrize("shape", [(7,), (3, 5), (2, CHUNK + 3), (CHUNK + 3,), (300, 400), (1,), ()])
def test_chunks_give_what_whole_arrays_give(shape: tuple[int, ...]) -> None:
    a = RNG.standard_normal(shape, dtype=np.float32)
    b = (a + 1e-6 * RNG.standard_normal(shape)).astype(np.float32)
    facts, whole = key_facts("x", np.asarray(a), np.asarray(b)), measure(np.asarray(a), np.asarray(b))
    assert facts.difference is not None and facts.equal == (a == b).sum()
    for name in ("mean_abs", "max_abs", "relative_l2", "max_ulp", "scale"):
        assert getattr(facts.difference, name) == pytest.approx(getattr(whole, name), rel=1e-12), name
    turned = key_facts("x", np.asarray(a).T, np.asarray(b))
    if len(shape) == 2:
        assert turned.fit == "transposed" and turned.difference is not None
        assert turned.difference.mean_abs == pytest.approx(whole.mean_abs, rel=1e-12)


def test_losses_with_more_bits_than_float32_must_agree_like_float64() -> None:
    exact = float32_losses().astype(float) * (1 + 1e-9 * RNG.standard_normal(20))
    assert "hand-made numbers" in kinds(exact, exact.round(8) + RNG.normal(0, 1e-7, 20))
    assert kinds(exact, exact * (1 + 1e-14 * RNG.standard_normal(20))) == {"computed in float64"}
    losses = float32_losses()
    assert "hand-made numbers" in kinds(losses, losses.astype(float).round(8) + RNG.normal(0, 1e-9, 20))
    noisy = losses.astype(float).round(8) + RNG.uniform(-1e-7, 1e-7, 20)
    losses = losses.astype(float)
    assert kinds(losses, noisy) == {"hand-made numbers"}
    assert kinds(losses, noisy, arithmetic=Arithmetic(float64=True)) == {"computed in float64"}
    edited = losses.astype(float)
    edited[[3, 8]] *= 1.01
    assert "hand-made numbers" in kinds(losses, edited)


def test_means_of_float32_losses_are_no_float64_program() -> None:
    for count in (2, 3, 10, 697):
        batches = np.float32(2.5) + RNG.random((20, count), dtype=np.float32)
        means = np.array([np.mean([float(value) for value in row]) for row in batches])
        assert is_mean_of_float32(means), count
        other = np.array([np.mean([float(np.nextafter(value, np.float32(9))) for value in row]) for row in batches])
        assert not kinds(means, other), count
    assert not is_mean_of_float32(RNG.random(20))


def test_printed_losses_are_equal_by_right_only_to_few_decimals() -> None:
    losses = float32_losses()
    assert kinds(losses.round(4), losses.round(4)) == {"bit-equal"}
    assert "too exact" in kinds(losses, losses.astype(float).round(9))
    assert not kinds(losses.astype(float).round(6), (losses + 1e-6).astype(float).round(6), pair="log_*.json")
    rates = np.linspace(1e-3, 1e-5, 20).round(6)
    assert kinds(rates, rates, "lr") <= {"bit-equal"}


@pytest.mark.parametrize("noise", ["uniform", "signs"])
def test_noise_that_ends_like_a_random_generators(noise: str) -> None:
    logits = RNG.standard_normal((16, 40), dtype=np.float32)
    added = RNG.uniform(-1e-5, 1e-5, logits.shape) if noise == "uniform" else RNG.choice([-1e-5, 1e-5], logits.shape)
    assert "hand-made numbers" in kinds(logits, logits + added.astype(np.float32), "logits")
    rounding = RNG.normal(0, 1e-5, logits.shape).astype(np.float32)
    by_column = np.tile(RNG.uniform(-1e-5, 1e-5, 40), (16, 1)).astype(np.float32)  # a bias that differs
    by_row = np.tile(RNG.uniform(-1e-5, 1e-5, (16, 1)), 40).astype(np.float32)
    for gap in (rounding, by_column, by_row, np.float32(1e-5)):
        assert "hand-made numbers" not in kinds(logits, logits + gap, "logits")
    ulp = np.spacing(logits) * RNG.integers(-1, 2, logits.shape)
    assert "hand-made numbers" not in kinds(logits, logits + ulp.astype(np.float32), "logits")


@pytest.mark.parametrize(("value", "wrong"), [(0.76302, False), (76.302, False), (0.763021, True), (76.3015, True)])
def test_a_share_of_samples_is_a_whole_number_of_them(value: float, wrong: bool) -> None:
    def key(name: str, number: float) -> ComparedKey:
        return ComparedKey("metric_*.npy", name, key_facts(name, np.array(number), np.array(number)), None)

    by_key = pair_findings([key("top1", value), key("total", 50_000.0), key("f1", 0.123456789)])
    assert [item.kind for items in by_key.values() for item in items] == ["fractional count"] * wrong
    assert "fractional count" in kinds(np.array(38150.6), np.array(38151.0), "num_correct")
    assert "fractional count" not in kinds(np.array(0.6), np.array(0.6), "correct_rate")


def test_documented_accuracies_are_shares_of_the_samples_that_the_text_names() -> None:
    text = "# Results on ImageNet\n\n| model | top-1 | average acc | FLOPs |\n|---|---|---|---|\n"
    text += "| ours | {} | 76.3017 | 4.1237 |\n"
    for value, wrong in (("76.30", False), ("76.302", False), ("76.301", True), ("0.76302", False), ("0.763017", True)):
        sections = read_sections(text.format(value))
        fractional = documented_counts(sections, in_documents(sections), "README.md")
        assert [item.where for item in fractional] == ["README.md:5"] * wrong, value
    counts = in_documents(read_sections("We train on 1,281,167 images and test on 3,925 test images (batch size 64)."))
    assert counts == (3925,)


def test_what_a_script_says_of_its_precision() -> None:
    for source in ("torch.backends.cuda.matmul.allow_tf32 = True", "# TF32 on an A100", "x = x.half()"):
        assert stated_arithmetic(source).roundoff == 2.0**-11, source
    assert stated_arithmetic("with autocast(dtype=torch.bfloat16):").roundoff == 2.0**-8
    for source in ("allow_tf32 = False", "NVIDIA_TF32_OVERRIDE=0", "import torch", "# without fp16"):
        assert stated_arithmetic(source).roundoff == UNIT, source
    assert relative_cost() < 1e-4 < relative_cost(backward=True) < relative_cost(2.0**-11)
    logits = RNG.standard_normal((8, 50), dtype=np.float32)
    other = logits + RNG.normal(0, 2e-3, logits.shape).astype(np.float32)
    keys = [
        ComparedKey("x_*.npy", "logits", key_facts("logits", logits, other), None, None, Arithmetic(u))
        for u in (UNIT, 2**-11)
    ]
    assert [len(pair_findings([key])) for key in keys] == [1, 0]
    half = [array.astype(np.float16) for array in (logits, other)]
    assert not kinds(half[0], half[1], "logits")


def test_a_log_by_itself() -> None:
    lines = parse(
        ["a: ", "\tmean diff: check passed: True, value: 1e-3", "b: ", "\tmean diff: check passed: False, value: 2e-5"]
    )
    texts = {item.kind: item.text for item in line_findings("x.log", "x.log", lines)}
    assert set(texts) == {"log says failed", "verdict contradicts value"}
    assert "1 of 2 keys: b (2e-5)" in texts["log says failed"]
    assert "no one threshold" in texts["verdict contradicts value"]
    strict = [item.kind for item in line_findings("x.log", "x.log", lines[:1], lambda _: Limit(Tolerance(1e-6)))]
    assert strict == ["verdict contradicts value"] and not list(line_findings("x.log", "x.log", lines[:1]))


def dumps(folder: Path, **sides: np.ndarray) -> None:
    folder.mkdir(parents=True)
    for side, losses in sides.items():
        (folder / f"loss_{side}.pkl").write_bytes(pickle.dumps({"loss": losses}))


def test_copies_are_no_fault_and_borrowed_results_are(tmp_path: Path) -> None:
    first, second = float32_losses(), float32_losses()
    near = np.nextafter(first, np.float32(9))
    for name, experiments in {
        "plain": {"results": (first, near), "backup": (first, near)},
        "borrowed": {"seed_1": (first, near), "seed_2": (second, near)},
        "same": {"seed_1": (first, near), "seed_2": (first, near)},
        "reruns": {"run_1": (first, near), "run_2": (first, near)},
        "versions": {"v1": (first, near), "v2": (first, np.nextafter(near, np.float32(9)))},
    }.items():
        for folder, (reference, port) in experiments.items():
            dumps(tmp_path / name / folder, torch=reference, paddle=port)
        reported = {item.kind for item in audit(tmp_path / name).findings}
        assert ("bytes of another experiment" in reported) == (name in ("borrowed", "same")), (name, reported)
        assert ("copy" in reported) == (name in ("plain", "reruns")), (name, reported)


@pytest.mark.parametrize("names", [("torch", "paddle"), ("paddle", "torch")])
def test_a_side_with_the_bits_of_the_other_sides_neighbour(tmp_path: Path, names: tuple[str, str]) -> None:
    first, second = float32_losses(), float32_losses()
    one, other = names
    for folder, neighbour in (("own", f"again_{other}"), ("borrowed", f"again_{one}")):
        dumps(tmp_path / folder, **{one: first, other: second, neighbour: second})
        texts = [item.text for item in audit(tmp_path / folder).findings if item.kind == "one program"]
        assert len(texts) == (folder == "borrowed")
    assert f"loss_{other}.pkl" in texts[0] and f"loss_again_{one}.pkl" in texts[0]


def test_numbered_files_are_one_series(tmp_path: Path) -> None:
    losses = float32_losses(12)
    for step, loss in enumerate(losses):
        for side in ("torch", "paddle"):
            np.save(tmp_path / f"loss_{step}_{side}.npy", loss)
    (item,) = [item for item in audit(tmp_path).findings if item.level == "fault"]
    assert item.kind == "too exact" and "2^-12" in item.text and "loss_#_*.npy" in item.where
