"""The table of claims in the READMEs is what reports say: no figure in it is written by hand, and none is old."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from repro.config.paths import read_json
from repro.errors import InputError
from tests.report.figure_run import write_figure_run
from tests.report.synthetic_run import read_report
from tools import readme
from tools.readme import CLAIMS, READMES, TEMPLATES
from tools.readme import __main__ as command
from tools.readme.excerpt import excerpt
from tools.readme.table import replaced, table

EXCERPTS = read_json(CLAIMS)
each_readme = pytest.mark.parametrize(("path", "template"), READMES.items(), ids=lambda value: Path(value).name)


@each_readme
def test_the_table_holds_the_figures_of_the_committed_excerpt(path: Path, template: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert replaced(text, table(EXCERPTS, template)) == text, "python -m tools.readme writes it again"


@each_readme
def test_figures_come_from_excerpts_alone(path: Path, template: str) -> None:
    """What is measured, and how long it took: no digit beside the placeholders, but in names such as float64."""
    for line in (TEMPLATES / template).read_text(encoding="utf-8").splitlines():
        if line.startswith("|"):
            cells = re.sub(r"{{.*?}}", "", line).strip("|").split(" |")
            assert not re.search(r"(?<![\w.])\d", " ".join(cells[2:])), line


def test_another_figure_in_a_report_is_another_table() -> None:
    excerpts = json.loads(json.dumps(EXCERPTS))
    excerpts["mini"]["f1"]["pretrained"]["paddle"]["16"] = 12.34
    lines = table(excerpts, "en.md.j2")
    assert "12.3 → " in lines and "(PyTorch), " in lines and lines != table(EXCERPTS, "en.md.j2")


def test_a_run_that_is_not_there_leaves_its_row_out() -> None:
    alone = table({"mini": EXCERPTS["mini"]}, "en.md.j2")
    assert "repro audit" not in alone and "--profile base" not in alone
    both = table({**EXCERPTS, "base": EXCERPTS["mini"], "mini_published": EXCERPTS["mini"]}, "en.md.j2")
    assert "--profile base" in both and "--protocol published" in both


@pytest.mark.parametrize("part", ["f1", "selftest"])
def test_a_run_that_left_something_out_is_refused(part: str) -> None:
    with pytest.raises(InputError, match="lacks a figure"):
        table({"mini": {**EXCERPTS["mini"], part: {}}}, "en.md.j2")


@pytest.mark.parametrize("text", ["", readme.BEGIN, readme.END + readme.BEGIN])
def test_a_readme_without_a_place_for_it_is_not_written(text: str) -> None:
    with pytest.raises(ValueError, match="no place for the table"):
        replaced(text, "")


def shape(value: Any) -> Any:
    """The keys of an excerpt, whatever claims, steps and sizes there are."""
    return {key: shape(item) for key, item in value.items() if not key[0].isdigit()} if isinstance(value, dict) else {}


def test_the_command_takes_the_figures_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = write_figure_run(tmp_path / "run")
    read_report(run)
    name, figures = excerpt(run.root)
    committed = {key: shape(value) for key, value in EXCERPTS["mini"].items() if key != "verdicts"}
    assert name == "synthetic"
    assert {key: shape(value) for key, value in figures.items() if key != "verdicts"} == committed
    assert figures["f1"]["pretrained"]["pytorch"] == {"16": 42.6, "128": 53.8}
    pages = {}
    for path, template in READMES.items():
        pages[tmp_path / path.name] = template
        (tmp_path / path.name).write_text(f"# Text\n{readme.BEGIN}old\n{readme.END}more\n", encoding="utf-8")
    (tmp_path / "claims.json").write_text(json.dumps({"mini": figures, "synthetic": 0}), encoding="utf-8")
    monkeypatch.setattr(command, "CLAIMS", tmp_path / "claims.json")
    monkeypatch.setattr(command, "READMES", pages)
    monkeypatch.setattr(sys, "argv", ["readme", str(run.root)])
    assert command.main() == 0 and "figures of mini, synthetic" in capsys.readouterr().out
    assert read_json(tmp_path / "claims.json") == {"mini": figures, "synthetic": figures}
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# Text\n") and text.endswith("more\n") and "old" not in text and "42.6 → 53.8" in text
    monkeypatch.setattr(sys, "argv", ["readme", str(tmp_path / "nothing")])
    assert command.main() == 2 and "no report to take figures from" in capsys.readouterr().err


def test_an_empty_folder_has_no_figures(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no report to take figures from"):
        excerpt(tmp_path)
