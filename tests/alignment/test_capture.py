"""What a capture leaves: the same digits every time, and nothing that looks finished when it was interrupted."""

import json
from typing import Any

import pytest

from repro.config.paths import sha256_file
from repro.dumps import read_dump
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


@pytest.mark.parametrize("change", [{"detected_answers": []}, {"char_spans": []}, {"char_spans": [[9999, 9999]]}])
def test_dev_questions_without_the_place_of_an_answer(fake: FakeRun, change: dict[str, Any]) -> None:
    """Step 2 looks for answers in the dev file, which need not say where they are."""
    path = fake.run.data / "dev.jsonl"
    header, *lines = path.read_text().splitlines()
    documents = [json.loads(line) for line in lines]
    for document in documents[::2]:
        qa = document["qas"][0]
        (qa if "detected_answers" in change else qa["detected_answers"][0]).update(change)
    path.write_text("\n".join([header, *map(json.dumps, documents)]) + "\n")
    fake.use()
    fake.capture(2)
    dump = read_dump(fake.run.dump("pytorch", 2, "float32"))
    assert {0} < set(dump["start_pos_list2"].ravel().tolist())
    fake.capture(3)
    assert fake.compare(2).status == fake.compare(3).status == "passed"
