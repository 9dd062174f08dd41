"""Finished steps are kept; anything that they depend on makes them anew."""

from __future__ import annotations

import pytest
from fake_framework import FakeFramework
from workshop import Workshop

import repro.steps.provenance
from repro.errors import InputError
from repro.paths import read_json, sha256_file
from repro.steps.capture import capture


def test_a_finished_step_is_kept(shop: Workshop) -> None:
    before = shop.run.dump("paddle", 1).stat().st_mtime_ns
    assert shop.capture(1) == [False, False]
    assert shop.run.dump("paddle", 1).stat().st_mtime_ns == before


def test_a_damaged_dump_is_made_again(shop: Workshop) -> None:
    path = shop.run.dump("paddle", 1, "float64")
    expected = sha256_file(path)
    path.write_bytes(path.read_bytes()[:100])
    assert shop.capture(1) == [False, True]
    assert sha256_file(path) == expected  # digit for digit


def test_an_interrupted_step_is_made_again(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.run.capture("paddle", 1).unlink()

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FakeFramework, "load_model", stop)
        shop.use()
        with pytest.raises(KeyboardInterrupt):
            shop.capture(1, ("paddle",))
    assert not shop.run.capture("paddle", 1).exists()
    assert shop.compare(1).status == "not run"
    assert shop.capture(1) == [False, True]


@pytest.mark.parametrize("what", ["features", "weights", "settings", "versions", "sources"])
def test_what_a_step_depends_on(shop: Workshop, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if what == "features":
        path = shop.run.features("paddle", "dev")
        path.write_bytes(path.read_bytes() + b"\0")
    elif what == "weights":
        (shop.run.checkpoint("paddle") / "config.json").write_text('{"hidden_size": 8,  "num_hidden_layers": 1}')
    elif what == "settings":
        training = shop.profile.training.model_copy(update={"learning_rate": 0.02})
        shop.profile = shop.profile.model_copy(update={"training": training})
    elif what == "versions":
        shop.use(late_schedule=True)
    else:
        monkeypatch.setattr("repro.steps.capture.source_fingerprint", lambda *_, **__: "another")
    assert shop.capture(6, ("paddle",)) == [True]


def test_what_a_step_does_not_depend_on(shop: Workshop) -> None:
    training = shop.profile.training.model_copy(update={"seeds": (42,)})
    shop.profile = shop.profile.model_copy(update={"training": training, "steps": (1, 6), "description": "x"})
    assert shop.capture(6) == [False, False]


def test_missing_files_are_named(shop: Workshop) -> None:
    shop.run.features("paddle", "dev").unlink()
    with pytest.raises(InputError, match="not there yet"):
        shop.capture(1, ("paddle",))


def test_all_steps_of_a_run(shop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.run.capture("paddle", 3).unlink()
    capture(shop.run, "paddle")
    assert read_json(shop.run.capture("paddle", 3))["step"] == 3
    assert "capture with paddle: 10 of 10" in capsys.readouterr().err


def test_sources_of_the_other_backend_do_not_count() -> None:
    chosen = ("backends",)
    whole = repro.steps.provenance.source_fingerprint(chosen)
    one, other = (repro.steps.provenance.source_fingerprint(chosen, without=name) for name in ("paddle", "pytorch"))
    assert len({whole, one, other}) == 3
