"""The figures: they show what the run holds, and a figure whose data are missing or unusable is left out."""

import pickle
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import numpy as np
import pytest

from repro.claims import load_document
from repro.config.paths import RunPaths
from repro.pages import Plain
from repro.pages.figure_style import DARK, FAINT, PALE
from repro.report.assemble import assemble
from repro.report.collect import collect
from repro.report.figures import Figure, errors, figures, losses, margins, power, training_gaps, trainings
from repro.results.report import Report
from tests.report.figure_run import write_figure_run
from tests.report.synthetic_run import read_report, write_run

ALL = ["f1", "documented-measured", "error-by-operation", "answer-margins", "losses", "training-losses"]
ALL += ["training-gaps", "detection-power"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunPaths:
    """Read-only: its figures are drawn once."""
    return write_figure_run(tmp_path_factory.mktemp("figures"))


@pytest.fixture(scope="module")
def by_name(run: RunPaths) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures(run, assembled(run))}


def assembled(run: RunPaths) -> Report:
    """The report of a run, of which no page is written."""
    document = load_document()
    return assemble(collect(run, document), document)


def caption(figure: Figure) -> str:
    return " ".join(Plain({}, chinese=False).text(sentence) for sentence in figure.caption)


def test_all_of_them_with_the_numbers_that_matter(by_name: dict[str, Figure]) -> None:
    assert list(by_name) == ALL
    assert [figure.step for figure in by_name.values()] == [None, 1, 1, 3, 8, 11, 11, None]
    for name, sentence in {
        "f1": "From pretrained weights: 42.6 → 53.8 (PyTorch). From pretrained weights: 42.9 → 54.0 (Paddle).",
        "documented-measured": "11 documented differences",
        "error-by-operation": "PyTorch adds most in embeddings (6.3e-08) and ends with 3e-07.",
        "answer-margins": "Each of 2 questions: how far",
        "losses": "part by at most 4e-07, which is at most 2 times what 1 ulp",
        "training-losses": "Pairs of trainings: 5; no single loss differs by more than 1e-06.",
        "training-gaps": "each of 4 pairs of trainings from pretrained weights. At most",
        "detection-power": "Right of the dashed line it is seen; 2 of 4 exceed their bound more than a million times.",
    }.items():
        assert sentence in caption(by_name[name])
    assert "The 2 others, counted at the right" in caption(by_name["detection-power"])
    assert "In the shaded part an answer can change; 0 lie there" in caption(by_name["answer-margins"])
    assert "1 could change" in caption(by_name["answer-margins"])  # twice as far apart: 3e-4 is within 4e-4


def test_captions_are_in_both_languages(run: RunPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("repro.report.figures", figures)  # other tests of the report draw none
    report, english = read_report(run)
    assert [figure.name for figure in report.figures] == ALL
    chinese = run.report_zh.read_text(encoding="utf-8")
    for sentence in (sentence for figure in report.figures for sentence in figure.caption):
        parts = re.split(r"{\w+}", sentence.text)
        assert all(part in english for part in parts) and max(parts, key=len) not in chinese
    assert ". From pretrained weights: 42.6 → 53.8" in english
    assert (run.root / "figures" / "f1.svg").read_text(encoding="utf-8").startswith("<svg")


def test_each_is_one_element_that_stands_alone(by_name: dict[str, Figure]) -> None:
    """Nothing is fetched or executed, and no id comes twice in a page with all of them."""
    ids: list[str] = []
    for figure in by_name.values():
        root = ElementTree.fromstring(figure.svg)
        assert root.tag == "{http://www.w3.org/2000/svg}svg" and root.get("role") == "img" and root.get("aria-label")
        targets = re.findall(r'(?:href=|url\()"?([^")]*)', figure.svg)
        assert targets and all(target.startswith("#") for target in targets)
        in_figure = re.findall(r' id="([^"]*)"', figure.svg)
        assert {target[1:] for target in targets} == set(in_figure)
        ids += in_figure
        assert "<text" in figure.svg and "<script" not in figure.svg and "<image" not in figure.svg
    assert len(ids) == len(set(ids))


def test_every_colour_has_one_for_dark_pages(by_name: dict[str, Figure]) -> None:
    for figure in by_name.values():
        marks = figure.svg.split("</style>", 1)[1]
        assert set(re.findall(r"(?:fill|stroke): ?(#\w+|[a-z]+)", marks)) - {"none"} <= set(DARK), figure.name
        assert not re.search(r'<path id="\w+" d="[^"]*" style="stroke: #', marks), "a mark that no style sheet reaches"


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    channels = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ np.array([0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize("light", sorted({*DARK} - {FAINT, *PALE.values()}))
def test_marks_stand_out_on_both_pages(light: str) -> None:
    """Three to one against a white and against the dark page; what is filled with a pale colour has an outline."""
    assert 1.05 / (luminance(light) + 0.05) >= 3.0
    assert (luminance(DARK[light]) + 0.05) / (luminance("#0f1419") + 0.05) >= 3.0


def test_the_same_bytes_for_the_same_run(run: RunPaths, by_name: dict[str, Figure]) -> None:
    assert figures(run, assembled(run)) == tuple(by_name.values())


def test_marks_are_the_values(by_name: dict[str, Figure]) -> None:
    """Two faults with a distance in each framework, and one mark in the legend; equalities are counted beside."""
    power = by_name["detection-power"].svg
    assert len(re.findall(r"<use [^>]*fill: #0072b2", power)) == 3
    assert ">+ 2</text>" in power and ">tf32</text>" in power


def test_a_run_of_one_step_has_none(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", steps=(9,))
    assert figures(run, assembled(run)) == ()


@pytest.mark.parametrize(
    ("file", "module"),
    [
        ("precision/paddle.json", errors),
        ("selftest/selftest.json", power),
        ("records/step03.json", margins),
        ("records/step08.json", losses),
    ],
)
def test_one_whose_data_are_cut_off_is_left_out(file: str, module: ModuleType, tmp_path: Path) -> None:
    run = write_figure_run(tmp_path / "run")
    path = run.root / file
    path.write_text(path.read_text()[:40])
    assert module.draw(run, assembled(run)) is None


@pytest.mark.parametrize(
    "content", [b"", b"\x93NUMPY", pickle.dumps([1.0]), "object", np.ones((2, 2)), np.array([np.nan])]
)
def test_losses_that_are_no_list_of_numbers_are_left_out(content: bytes | str | np.ndarray, tmp_path: Path) -> None:
    run = write_figure_run(tmp_path / "run")
    for path in run.root.glob("training/*/*/losses.npy"):
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            array = np.array([{}], dtype=object) if isinstance(content, str) else content
            np.save(path, array, allow_pickle=True)
    assert trainings.draw(run, assembled(run)) is None is training_gaps.draw(run, assembled(run))


def test_equal_losses_leave_no_gap_to_draw(tmp_path: Path) -> None:
    run = write_figure_run(tmp_path / "run")
    for path in run.root.glob("training/*/*/losses.npy"):
        np.save(path, np.linspace(4.0, 1.0, 30))
    report = assembled(run)
    assert trainings.draw(run, report) is not None and training_gaps.draw(run, report) is None


def test_nothing_but_drawing_loads_matplotlib() -> None:
    program = "import sys, repro.report.figures, repro.cli.run; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
