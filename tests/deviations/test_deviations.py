"""From the trainings of two fake frameworks to the table: every switch acts, and nothing else counts as one."""

import shutil
from pathlib import Path

import pytest
from safetensors.numpy import save_file

from repro.config.paths import RunPaths, atomic_json, read_json
from repro.config.profile_file import run_profile
from repro.config.switches import BASELINE, SWITCHES, TOGETHER
from repro.deviations.compare import compare
from repro.errors import InputError
from repro.numerics.perturb import perturbed
from repro.results.deviations import DeviationsResult, Effect
from repro.stages import deviations_train, train
from repro.stages.base import Stage, run_stage
from tests.alignment.fake_model import start_arrays
from tests.alignment.fake_run import CONFIG, FakeRun, prepare

CHOSEN = {"switches": "all", "sizes": (16,), "seeds": (42, 43)}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunPaths:
    """A run with every training of the deviations; step 11 has done those by the paper's rules."""
    run = prepare(tmp_path_factory.mktemp("deviations"))
    with pytest.MonkeyPatch.context() as patch:
        fake = opened(run, patch)
        for backend in fake.profile.backends:
            folder = run.checkpoint(backend, "perturbed")
            folder.mkdir(parents=True)
            save_file(perturbed(start_arrays(0), 0), folder / "model.safetensors")
            atomic_json(folder / "config.json", CONFIG)
            main = [f"pretrained-16-{seed}" for seed in (42, 43)]
            run_stage(Stage("train", run, fake.profile, backend, only=main))
            run_stage(Stage("deviations-train", run, fake.profile, backend))
    return run


def opened(run: RunPaths, patch: pytest.MonkeyPatch) -> FakeRun:
    """The run with both fake frameworks, and with every deviation chosen."""
    fake = FakeRun(run, run_profile(run), patch)
    fake.set("deviations", **CHOSEN)
    for module in (train, deviations_train):
        patch.setattr(module, "load", fake.frameworks.__getitem__, raising=False)
    return fake


@pytest.fixture
def fake(trained: RunPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeRun:
    """A copy that a test may damage."""
    return opened(RunPaths(shutil.copytree(trained.root, tmp_path / "run")), monkeypatch)


def of(result: DeviationsResult, backend: str = "paddle") -> dict[str, Effect]:
    """Effect of every variant in one framework."""
    return {item.variant: effect for item in result.comparisons for effect in item.effects if effect.backend == backend}


def test_each_switch_acts_where_it_can(fake: FakeRun) -> None:
    result = compare(fake.run, fake.profile)
    for backend in fake.profile.backends:
        effects = of(result, backend)
        assert [*effects] == ["rounding", *SWITCHES, TOGETHER]
        assert effects["rounding"].curve.beyond_rounding is None and effects["rounding"].curve.largest > 0
        first = {name: item.curve.beyond_rounding for name, item in effects.items()}
        assert first["segment-ids"] == first["order"] == first[TOGETHER] == 0
        for rule_of_the_update in ("adamw-eps", "weight-decay", "no-decay-rule"):
            step = first[rule_of_the_update]
            assert step is None or step >= 2, "step 0 has learning rate 0, step 1 only then updates"
            assert effects[rule_of_the_update].curve.largest > 0
        assert first["weight-decay"] is not None
        for idle in ("batches-of-one", "last-epoch"):  # no file has such a batch; there the learning rate is 0
            assert effects[idle].unchanged and effects[idle].curve.largest == 0.0
    verdicts = {item.variant: item.verdict for item in result.comparisons}
    assert {name for name, verdict in verdicts.items() if verdict == "no change"} == {"batches-of-one", "last-epoch"}
    assert not fake.run.deviation("paddle", f"{BASELINE}-16-42").exists(), "step 11 has done these"
    stopped = read_json(fake.run.deviation("paddle", "last-epoch-16-42") / "result.json")
    assert stopped["steps"] == stopped["schedule_steps"] == 10


def test_a_batch_of_one_that_is_left_out_is_seen(fake: FakeRun) -> None:
    fake.set("training", batch_size=5)  # 16 windows: three batches and one of a single window
    for stage, names in (("train", ["pretrained"]), ("deviations-train", ["rounding", "batches-of-one"])):
        only = [f"{name}-16-{seed}" for name in names for seed in (42, 43)]
        run_stage(Stage(stage, fake.run, fake.profile, "paddle", only=only))
    fake.set("deviations", switches=("batches-of-one",))
    fake.profile = fake.profile.model_copy(update={"backends": ("paddle",)})
    result = compare(fake.run, fake.profile)
    assert any("with a batch of one: 16 examples with seed" in note for note in result.notes)
    effect = of(result)["batches-of-one"]
    assert effect.curve.beyond_rounding is not None and not effect.unchanged


def test_a_training_by_other_rules_is_refused(fake: FakeRun) -> None:
    planted = fake.run.deviation("paddle", "adamw-eps-16-43")
    shutil.rmtree(planted)
    shutil.copytree(fake.run.deviation("paddle", "weight-decay-16-43"), planted)
    with pytest.raises(InputError, match=r"other rules[\s\S]*adamw-eps-16-43"):
        compare(fake.run, fake.profile)


@pytest.mark.parametrize("name", ["result.json", "losses.npy", "predictions.json"])
def test_a_training_that_is_not_complete_is_refused(fake: FakeRun, name: str) -> None:
    path = fake.run.deviation("pytorch", "order-16-42") / name
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(InputError, match=r"cannot be compared[\s\S]*order-16-42[\s\S]*the same command again"):
        compare(fake.run, fake.profile)
    path.unlink()
    with pytest.raises(InputError, match=r"cannot be compared[\s\S]*order-16-42"):
        compare(fake.run, fake.profile)


def test_the_page_has_every_effect_and_how_to_read_it(fake: FakeRun) -> None:
    run_stage(Stage("deviations-compare", fake.run, fake.profile))
    page = (fake.run.deviations / "deviations.md").read_text()
    assert "no-decay-rule (beyond weight-decay)" in page and "Holm" in page
    assert page.count("\n| order |") == 2, "its effect, and what it changes"
    assert ">together<" in (fake.run.deviations / "deviations.svg").read_text()
    result = DeviationsResult.read(fake.run.deviations / "deviations.json")
    assert result == compare(fake.run, fake.profile) and result.seconds > 0
