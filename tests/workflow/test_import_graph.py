"""Fingerprints follow imports."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from repro.alignment import STEPS
from repro.config.paths import PACKAGE, RunPaths
from repro.config.profile_file import load_profile
from repro.errors import InputError
from repro.stages import task_name
from repro.workflow import import_graph
from repro.workflow.plan import Task
from repro.workflow.tasks import CODE, TaskList

JUDGED = ("selftest-compare", "selftest-conclude", "deviations-compare")  # of the self-test and of the deviations

Edit = Callable[[str], None]


def names(files: set[Path]) -> set[str]:
    return {str(path.relative_to(PACKAGE)) for path in files}


def test_closure_holds_what_is_imported_directly_or_not_and_nothing_else() -> None:
    files = names(import_graph.closure(["repro.data.corpus"]))
    assert {f"data/corpus/{name}" for name in ("__init__.py", "mrqa_files.py", "relations.yaml")} <= files
    assert "config/paths.py" in files
    assert not {"data/features.py", "cli/main.py", "workflow/launch.py"} & files
    files = names(import_graph.closure(["repro.backends.paddle"]))
    assert "backends/paddle/model.py" in files
    assert not any(name.startswith("backends/pytorch/") for name in files)

    with pytest.raises(InputError, match=r"no module repro\.nothing"):
        import_graph.closure(["repro.nothing"])


parse = import_graph._imports
known: dict[tuple[bytes, str, str], set[str]] = {}


def parsed_once(path: Path, module: str) -> set[str]:
    """What the file imports; the same content is parsed once, which is most of the time of these tests."""
    key = path.read_bytes(), path.name, module
    if key not in known:
        known[key] = parse(path, module)
    return known[key]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Edit]:
    """A copy of the package that can be edited; returns what appends a line to files of it."""
    copy = tmp_path / "repro"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(import_graph, "PACKAGE", copy)
    monkeypatch.setattr(import_graph, "_imports", parsed_once)

    def edit(pattern: str) -> None:
        paths = list(copy.glob(pattern))
        assert paths
        for path in paths:
            path.write_text(path.read_text() + "# another word\n")
        import_graph.forget()

    import_graph.forget()
    yield edit
    import_graph.forget()


def changed(before: dict[str, Task], after: dict[str, Task]) -> set[str]:
    """Stage and backend of the tasks whose keys differ."""
    return {task_name(task.kind, task.backend) for name, task in after.items() if task.key != before[name].key}


def tasks(folder: Path, **changes: object) -> dict[str, Task]:
    return TaskList(RunPaths(folder / "run"), load_profile("mini", changes)).tasks


def test_a_reworded_sentence_redoes_no_computation(tmp_path: Path, package: Edit) -> None:
    before = tasks(tmp_path)
    words = ["alignment/compare.py", "alignment/claim_verdicts.py", "claims/claims.yaml", "markdown.py"]
    for files in (*words, "alignment/step*/compare.py"):
        package(files)
        after = tasks(tmp_path)
        again = changed(before, after)
        assert {"compare", "report"} <= again <= {"compare", "report", "audit", *JUDGED}, files
        before, last = after, before
    comparisons = [name for name, task in after.items() if task.kind == "compare"]
    assert len(comparisons) == len(STEPS)
    assert not [name for name in comparisons if after[name].key == last[name].key]


def test_other_words_for_a_deviation_redo_no_training(tmp_path: Path, package: Edit) -> None:
    chosen = {"deviations.switches": ["order"], "deviations.sizes": [16], "deviations.seeds": [42]}
    before = tasks(tmp_path, **chosen)
    package("deviations/words.py")
    assert changed(before, tasks(tmp_path, **chosen)) == {"deviations-compare", "report"}


def test_a_changed_operation_redoes_the_work_of_its_backend(tmp_path: Path, package: Edit) -> None:
    before = tasks(tmp_path)
    package("backends/paddle/model.py")
    after = tasks(tmp_path)
    again = changed(before, after)
    assert {"capture-paddle", "measure-paddle", "train-paddle", "selftest-capture-paddle"} <= again
    assert not {"inputs", "convert", "features-paddle", "capture-pytorch", "train-pytorch"} & again
    assert "selftest-capture-pytorch" not in again
    kinds = ("capture", "train", "selftest-capture")
    computed = [name for name, task in after.items() if task.backend == "paddle" and task.kind in kinds]
    assert not [name for name in computed if after[name].key == before[name].key]


def test_an_edited_helper_redoes_what_imports_it(tmp_path: Path, package: Edit) -> None:
    before = tasks(tmp_path)
    package("alignment/step02_dev_data/capture.py")
    after = tasks(tmp_path)
    again = {name for name, task in after.items() if task.key != before[name].key and task.kind == "capture"}
    assert again == {"capture-pytorch-2", "capture-paddle-2"}
    package("data/corpus/names.py")
    assert "inputs" in changed(after, tasks(tmp_path))


def test_no_computation_depends_on_what_judges_it() -> None:
    for kind in CODE.keys() - {"compare", "reprod-log", "audit", "report", *JUDGED}:
        modules = [name.format(backend="paddle", step=STEPS[1]) for name in CODE[kind]]
        files = names(import_graph.closure(modules))
        assert not {name for name in files if "compare" in name or name.startswith(("report", "claims", "markdown"))}
