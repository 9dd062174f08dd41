"""Fingerprints follow imports."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from repro.errors import InputError
from repro.paths import PACKAGE
from repro.workflow import sources


def names(files: set[Path]) -> set[str]:
    return {str(path.relative_to(PACKAGE)) for path in files}


def test_closure_holds_what_is_imported_directly_or_not_and_nothing_else() -> None:
    found = names(sources.closure(["repro.data.corpus"]))
    assert {"data/corpus/__init__.py", "data/corpus/mrqa_files.py", "data/corpus/relations.yaml", "paths.py"} <= found
    assert not {"data/features.py", "cli/main.py", "workflow/launch.py"} & found


def test_closure_of_one_backend_leaves_out_the_other() -> None:
    found = names(sources.closure(["repro.backends.paddle"]))
    assert "backends/paddle/model.py" in found
    assert not any(name.startswith("backends/pytorch/") for name in found)


def test_closure_leaves_out_what_makes_no_difference() -> None:
    everything = names(sources.closure(["repro.report"]))
    assert "claims/claims.yaml" in everything
    assert "claims/claims.yaml" not in names(sources.closure(["repro.report"], ["repro.claims"]))


def test_unknown_module_is_an_error() -> None:
    with pytest.raises(InputError, match=r"no module repro\.nothing"):
        sources.closure(["repro.nothing"])


def test_an_edited_helper_changes_the_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "repro"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(sources, "PACKAGE", copy)
    sources.fingerprint.cache_clear()
    before = sources.fingerprint(("repro.data.corpus",))
    unrelated = copy / "data" / "features.py"
    unrelated.write_text(unrelated.read_text() + "# edited\n")
    sources.fingerprint.cache_clear()
    assert sources.fingerprint(("repro.data.corpus",)) == before
    helper = copy / "data" / "corpus" / "names.py"
    helper.write_text(helper.read_text() + "# edited\n")
    sources.fingerprint.cache_clear()
    assert sources.fingerprint(("repro.data.corpus",)) != before
    sources.fingerprint.cache_clear()
