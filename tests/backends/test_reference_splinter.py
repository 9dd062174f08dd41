"""The PyTorch backend against ``transformers``' unmodified ``SplinterForQuestionAnswering``."""

import numpy as np

from tests.backends.conftest import Results


def test_logits_of_unmasked_positions_and_the_loss_agree_to_rounding(torch_results: Results) -> None:
    reference, ours = torch_results.under("reference"), torch_results.under("float32/logits")
    mask = reference["mask"] == 1
    assert mask.any() and not mask.all()
    for name in ("start_logits", "end_logits"):
        a, b = reference[name][mask], ours[name][mask]
        assert np.linalg.norm(a - b) / np.linalg.norm(a) < 1e-6
        assert np.all(ours[name][~mask] < -5000)
    loss = torch_results.arrays["float32/loss/loss"]
    assert abs(loss - reference["loss"]) < 1e-6 * reference["loss"]
    assert abs(torch_results.arrays["float64/loss/loss"] - reference["loss"]) < 1e-6 * reference["loss"]
