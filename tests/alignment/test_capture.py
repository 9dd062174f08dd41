"""What a capture leaves: the same digits every time, and nothing that looks finished when it was interrupted."""

import pytest

from repro.config.paths import sha256_file
from repro.errors import InputError
from tests.alignment.fake_framework import FakeFramework
from tests.alignment.fake_run import FakeRun


def test_a_damaged_dump_is_captured_again_digit_for_digit(fake: FakeRun) -> None:
    path = fake.run.dump("paddle", 1, "float64")
    expected = sha256_file(path)
    path.write_bytes(path.read_bytes()[:100])
    fake.capture(1)
    assert sha256_file(path) == expected and fake.compare(1).status == "passed"


def test_an_interrupted_step_is_not_run(fake: FakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FakeFramework, "load_model", stop)
        fake.use()
        with pytest.raises(KeyboardInterrupt):
            fake.capture(1, ("paddle",))
    assert not fake.run.capture("paddle", 1).exists()
    assert fake.compare(1).status == "not run"
    fake.capture(1)
    assert fake.compare(1).status == "passed"


def test_missing_files_are_named(fake: FakeRun) -> None:
    fake.run.features("paddle", "train-16-42").unlink()
    fake.use()
    with pytest.raises(InputError, match="cannot read features"):
        fake.capture(1, ("paddle",))
