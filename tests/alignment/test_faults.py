"""Each step detects the faults that it is there for. A fault in one framework must never leave its step passed."""

from typing import Any

import numpy as np
import pytest

from repro.results import StepResult
from tests.alignment.fake_model import DENSE, GAIN, Faults
from tests.alignment.fake_run import FakeRun, by_name, tokenize

WORD_EMBEDDINGS = "paddle.splinter.embeddings.word_embeddings.weight"


def verdicts(result: StepResult) -> dict[str, str]:
    return {claim.id: claim.verdict for claim in result.claims}


@pytest.mark.parametrize(
    ("step", "faults", "failing", "passing", "claim"),
    [
        (1, {"layer_norm_eps": 1e-5}, ["sequence_output"], ["embeddings"], "1.sequence_output"),
        (
            1,
            {"swapped_logits": True},
            ["model_output", "model_output[unmasked]"],
            ["start_logits_unmasked"],
            "1.model_output",
        ),
        (2, {"reversed_rows": True}, ["input_ids_list2"], ["input_ids_list"], "2.input_ids_list2"),
        (3, {"swapped_logits": True}, ["answers", "logits[unmasked]"], ["total"], "3.f1"),
        (4, {"swapped_logits": True}, ["model_output"], ["fake_data"], "4.model_output"),
        (4, {"unscaled_loss": True}, ["fake_data", "model_output"], ["model_logits"], "4.fake_data"),
        (
            5,
            {"no_bias_correction": True},  # moments are the same, the movement is not
            ["0.moved.usual", "formula.paddle.0.moved.usual"],
            ["0.exp_avg.usual", "formula.pytorch.0.moved.usual"],
            "5.optimizer",
        ),
        (
            6,
            {"late_schedule": True},
            ["learning_rate.16", "formula.paddle.learning_rate.16"],
            ["formula.pytorch.learning_rate.16"],
            "6.learning_rate",
        ),
        (
            7,
            {"decayed_layer_norms": True},
            ["coefficients", "effects", "rule.paddle.coefficients"],
            ["clip_factor"],
            "7.regularization",
        ),
        (
            7,
            {"no_clipping": True},
            ["clip_factor", "formula.paddle.clip_factor"],
            ["coefficients", "formula.pytorch.clip_factor"],
            "7.regularization",
        ),
        (8, {"lost_gradient": True}, [f"gradient.{GAIN}", "losses"], [f"gradient.{DENSE}"], "8.loss20"),
        (9, {"reversed_rows": True}, ["input_ids", "order.0"], ["all.input_ids"], "9.train_data"),
        (10, {"changed_weight": True}, [f"start.{DENSE}"], [f"start.{GAIN}"], "10.initialisation"),
        (10, {"scattered_initialiser": True}, [WORD_EMBEDDINGS], [f"start.{DENSE}", "pytorch.repeated"], None),
        (10, {"clock_seed": True}, ["paddle.repeated"], [f"start.{DENSE}", "pytorch.repeated"], None),
    ],
)
def test_a_fault_shows_in_its_records(
    fake: FakeRun, step: int, faults: dict[str, Any], failing: list[str], passing: list[str], claim: str | None
) -> None:
    result = fake.faulty(step, **faults)
    records = by_name(result)
    assert result.status == "failed"
    assert [records[name].verdict for name in failing] == ["different semantics"] * len(failing)
    assert all(records[name].passed for name in passing)
    assert claim is None or verdicts(result)[claim] == "differs"


def test_an_epsilon_that_no_float32_comparison_could_see(fake: FakeRun) -> None:
    result = fake.faulty(1, layer_norm_eps=1e-11)
    output = by_name(result)["sequence_output"]
    assert output.relative_l2 is not None and output.relative_l2 < 1e-6
    assert output.verdict != "same semantics, rounding only" and result.status != "passed"


def test_less_precise_arithmetic_is_detected_though_float64_agrees(fake: FakeRun) -> None:
    result = fake.faulty(1, coarse_float32=True)
    product = by_name(result)["start_logits_unmasked"]
    assert product.gap64 is not None and product.gap64 < 1e-14
    assert result.status == "failed" and "float32 error" in product.reason
    assert verdicts(result)["1.cause.matmul"] == "reproduced"  # here the product does lose precision


def test_another_tokenisation(fake: FakeRun) -> None:
    tokenize(fake.run, fake.profile, "paddle", Faults(short_question=True))
    for step in (2, 9):
        fake.capture(step, ("paddle",))
        result = fake.compare(step)
        assert result.status == "failed"
    assert verdicts(result) == {"9.train_data": "differs"}


def test_the_other_place_of_eps_shows_only_where_gradients_are_tiny(fake: FakeRun) -> None:
    fake.profile = fake.profile.model_copy(update={"protocol": "published"})
    result = fake.faulty(5)
    assert result.status == "failed"
    assert "different eps rules" in result.summary
    assert "`eps_before_bias_correction` True in PyTorch, False in Paddle" in result.notes[-1]
    moments = [r for r in result.records if r.name.startswith("formula.") and ".exp_avg" in r.name]
    assert moments and all(r.passed for r in moments)  # each follows the rule that the protocol prescribes
    tiny, usual = (by_name(result)[f"0.moved.{group}"].relative_l2 for group in ("tiny", "usual"))
    assert tiny is not None and usual is not None and tiny > 10 * usual


def test_sizes_without_features_are_named(fake: FakeRun) -> None:
    fake.set("training", sizes=(16, 128))
    result = fake.faulty(6)
    assert result.status == "passed" and "32 steps for 128 examples" in result.summary
    assert "no features of the files of 128 examples" in result.notes[0]


def test_training_that_is_not_repeated_in_float64_stays_open(fake: FakeRun) -> None:
    fake.set("alignment", float64_training_steps=2, perturbed_training_steps=0)
    result = fake.faulty(8)
    assert result.status == "undecided"
    assert by_name(result)["losses"].verdict == "undecidable at this precision"
    assert by_name(result)["losses.first2"].passed
    assert "repeated in float64" in result.summary


def test_a_wrong_element_in_one_float32_result(fake: FakeRun) -> None:
    result = fake.change(1, lambda arrays: np.add.at(arrays["sequence_output"], (0, 3, 2), 1e-2))
    assert result.status == "failed" and not by_name(result)["sequence_output"].passed
