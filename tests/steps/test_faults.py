"""Each step catches the faults that it is there for. A fault in one framework must never leave its step passed."""

from __future__ import annotations

import numpy as np
import pytest
from fake_model import DENSE, GAIN, Faults
from workshop import Workshop, tokenize

from repro.numerics.record import Record, StepResult


def record(result: StepResult, name: str) -> Record:
    return next(r for r in result.records if r.name == name)


def verdicts(result: StepResult) -> dict[str, str]:
    return {claim.id: claim.verdict for claim in result.claims}


def test_layer_norm_epsilon_of_another_library_is_another_program(shop: Workshop) -> None:
    result = shop.faulty(1, layer_norm_eps=1e-5)
    assert result.status == "failed"
    assert record(result, "embeddings").passed
    assert record(result, "sequence_output").verdict == "different semantics"
    assert verdicts(result)["1.sequence_output"] == "differs"


def test_an_epsilon_that_no_float32_comparison_could_see(shop: Workshop) -> None:
    result = shop.faulty(1, layer_norm_eps=1e-11)
    found = record(result, "sequence_output")
    assert found.relative_l2 is not None and found.relative_l2 < 1e-6
    assert found.verdict != "same semantics, rounding only" and result.status != "passed"


def test_swapped_start_and_end_logits(shop: Workshop) -> None:
    result = shop.faulty(1, swapped_logits=True)
    assert record(result, "model_output").verdict == "different semantics"
    assert record(result, "model_output[unmasked]").verdict == "different semantics"
    assert record(result, "start_logits_unmasked").passed
    assert shop.faulty(3, swapped_logits=True).status == "failed"
    loss = shop.faulty(4, swapped_logits=True)
    assert record(loss, "fake_data").passed and not record(loss, "model_output").passed


def test_less_precise_arithmetic_is_found_though_float64_agrees(shop: Workshop) -> None:
    result = shop.faulty(1, coarse_float32=True)
    found = record(result, "start_logits_unmasked")
    assert found.gap64 is not None and found.gap64 < 1e-14
    assert result.status == "failed" and "float32 error" in found.reason
    assert verdicts(result)["1.cause.matmul"] == "reproduced"  # here the product does lose precision


def test_rows_in_another_order(shop: Workshop) -> None:
    for step in (2, 9):
        result = shop.faulty(step, reversed_rows=True)
        assert result.status == "failed"
        assert "differs" in verdicts(result).values()
    assert not record(shop.compare(9), "order.0").passed
    assert record(shop.compare(9), "all.input_ids").passed


def test_another_tokenisation(shop: Workshop) -> None:
    tokenize(shop.run, shop.profile, "paddle", Faults(short_question=True))
    for step in (2, 9):
        shop.capture(step, ("paddle",))
        result = shop.compare(step)
        assert result.status == "failed"
    assert verdicts(result) == {"9.train_data": "differs"}


def test_loss_of_another_scale(shop: Workshop) -> None:
    result = shop.faulty(4, unscaled_loss=True)
    assert verdicts(result) == {"4.fake_data": "differs", "4.model_output": "differs"}


def test_no_bias_correction(shop: Workshop) -> None:
    result = shop.faulty(5, no_bias_correction=True)
    assert result.status == "failed" and verdicts(result) == {"5.optimizer": "differs"}
    assert record(result, "0.exp_avg.usual").passed  # moments are the same, the movement is not
    assert not record(result, "0.moved.usual").passed
    assert not record(result, "formula.paddle.0.moved.usual").passed
    assert record(result, "formula.pytorch.0.moved.usual").passed


def test_the_other_place_of_eps_shows_only_where_gradients_are_tiny(shop: Workshop) -> None:
    shop.profile = shop.profile.model_copy(update={"protocol": "published"})
    result = shop.faulty(5)
    assert result.status == "failed"
    assert "different eps rules" in result.summary
    assert "eps before bias correction True in PyTorch, False in Paddle" in result.notes[-1]
    own = [r for r in result.records if r.name.startswith("formula.") and ".exp_avg" in r.name]
    assert own and all(r.passed for r in own)  # each follows the rule that the protocol gives it
    tiny, usual = (record(result, f"0.moved.{group}").relative_l2 for group in ("tiny", "usual"))
    assert tiny is not None and usual is not None and tiny > 10 * usual


def test_schedule_off_by_one(shop: Workshop) -> None:
    result = shop.faulty(6, late_schedule=True)
    assert result.status == "failed" and verdicts(result) == {"6.learning_rate": "differs"}
    assert record(result, "formula.pytorch.learning_rate.16").passed
    assert not record(result, "formula.paddle.learning_rate.16").passed


def test_sizes_without_features_are_told(shop: Workshop) -> None:
    training = shop.profile.training.model_copy(update={"sizes": (16, 128)})
    shop.profile = shop.profile.model_copy(update={"training": training})
    result = shop.faulty(6)
    assert result.status == "passed" and "32 steps for 128 examples" in result.summary
    assert "no features of the files of 128 examples" in result.notes[0]


def test_decayed_layer_norms_and_missing_clipping(shop: Workshop) -> None:
    result = shop.faulty(7, decayed_layer_norms=True)
    assert not record(result, "coefficients").passed and not record(result, "effects").passed
    assert not record(result, "rule.paddle.coefficients").passed
    result = shop.faulty(7, no_clipping=True)
    assert record(result, "coefficients").passed
    assert not record(result, "clip_factor").passed and not record(result, "formula.paddle.clip_factor").passed
    assert verdicts(result) == {"7.regularization": "differs"}


def test_half_a_gradient_of_one_parameter(shop: Workshop) -> None:
    result = shop.faulty(8, lost_gradient=True)
    assert not record(result, f"gradient.{GAIN}").passed
    assert record(result, f"gradient.{DENSE}").passed
    assert not record(result, "losses").passed and verdicts(result) == {"8.loss20": "differs"}


def test_training_that_is_not_repeated_in_float64_stays_open(shop: Workshop) -> None:
    changes = {"float64_training_steps": 2, "perturbed_training_steps": 0}
    alignment = shop.profile.alignment.model_copy(update=changes)
    shop.profile = shop.profile.model_copy(update={"alignment": alignment})
    result = shop.faulty(8)
    assert result.status == "undecided"
    assert record(result, "losses").verdict == "undecidable at this precision"
    assert record(result, "losses.first2").passed
    assert "repeated in float64" in result.summary


def test_a_start_weight_that_is_off_by_one_unit(shop: Workshop) -> None:
    result = shop.faulty(10, changed_weight=True)
    assert not record(result, f"start.{DENSE}").passed
    assert verdicts(result) == {"10.initialisation": "differs"}


@pytest.mark.parametrize(
    ("fault", "name"),
    [("wide_initialiser", "paddle.splinter.embeddings.word_embeddings.weight"), ("clock_seed", "paddle.repeated")],
)
def test_initialisers(shop: Workshop, fault: str, name: str) -> None:
    result = shop.faulty(10, **{fault: True})
    assert not record(result, name).passed and result.status == "failed"
    assert record(result, f"start.{DENSE}").passed
    assert all(r.passed for r in result.records if r.name.startswith("pytorch."))


def test_a_wrong_element_in_one_float32_result(shop: Workshop) -> None:
    def spoil(arrays: dict[str, np.ndarray]) -> None:
        arrays["sequence_output"][0, 3, 2] += 1e-2

    result = shop.change(1, spoil)
    assert result.status == "failed" and not record(result, "sequence_output").passed
