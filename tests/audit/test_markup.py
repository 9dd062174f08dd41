"""Documents that are not Markdown, and numbers whose unit a document says or does not say."""

from pathlib import Path

import numpy as np
import pytest

from repro.audit import audit
from repro.audit.documents import read_sections
from tests.audit.test_foreign_forms import faults
from tests.audit.test_strangers import LOGITS, PORT, write

ROWS = (("seed 1", "79.6"), ("seed 2", "81.1"), ("seed 3", "80.9"))
HTML = (
    "<h1>Results</h1><p>1.5 hours<!-- <table> --></p>\n<table><tr><th>run</th><th>F1</th></tr>\n"
    + "".join(f"<tr><td>{run}</td><td>{f1}</td></tr>\n" for run, f1 in (*ROWS, ("average", "<b>{}</b>")))
    + "</table>\n"
)
TEX = r"""\section{Results}
\begin{tabular}{l|cp{2cm}c|c} % seeds
\toprule
 & \multicolumn{3}{c|}{SQuAD} & \\
Model & seed 1 & seed 2 & seed 3 & \textbf{Mean} \\
\midrule
Paddle & 79.6 & 81.1 & 80.9 & $\mathbf{MEAN} \pm 0.7$ \\
\bottomrule
\end{tabular}
"""
DOCUMENTS = {
    "notes.org": "* Results\n\n| run | F1 |\n|-----+----|\n" + "".join(f"| {run} | {f1} |\n" for run, f1 in ROWS)
    + "|---+---|\n| average | {} |\n",
    "grid.rst": "Results\n=======\n\n+---------+------+\n| run     | F1   |\n+=========+======+\n"
    + "".join(f"| {run}  | {f1} |\n+---------+------+\n" for run, f1 in (*ROWS, ("average", "{}"))),
    "simple.rst": "Results\n-------\n\n=======  =====\nrun      F1\n=======  =====\n"
    + "".join(f"{run}   {f1}\n" for run, f1 in ROWS)
    + "average  {}\n=======  =====\n",
    "list.rst": "Results\n-------\n\n.. list-table::\n   :header-rows: 1\n\n   * - run\n     - F1\n"
    + "".join(f"   * - {run}\n     - {f1}\n" for run, f1 in (*ROWS, ("average", "{}"))),
    "csv.rst": "Results\n-------\n\n.. csv-table:: F1\n   :header: \"run\", \"F1\"\n\n"
    + "".join(f"   {run}, {f1}\n" for run, f1 in (*ROWS, ("average", "{}"))),
    "notes.adoc": "== Results\n\n|===\n|run |F1\n\n"
    + "".join(f"|{run}\n|{f1}\n" for run, f1 in (*ROWS, ("average", "{}")))
    + "|===\n",
    "results.html": HTML,
    "README.md": HTML,
    "paper.tex": TEX.replace("{", "{{").replace("}", "}}").replace("MEAN", "{}"),
    "LIESMICH.md": "# F1\n\n| Lauf | F1 |\n|---|---|\n"
    + "".join(f"| Lauf {n} | {f1.replace('.', ',')} |\n" for n, (_, f1) in enumerate(ROWS))
    + "| Mittelwert | {} |\n",
    "LISEZMOI.md": "# F1\n\n| graine | F1 |\n|---|---|\n"
    + "".join(f"| graine {n} | {f1.replace('.', ',')}\u00a0% |\n" for n, (_, f1) in enumerate(ROWS))
    + "| moyenne | {}\u00a0% |\n",
}  # fmt: skip


@pytest.mark.parametrize(("average", "kinds"), [("80.5", set()), ("81.1", {"average differs"})])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_an_average_in_every_kind_of_document(name: str, average: str, kinds: set[str], tmp_path: Path) -> None:
    report = audit(write(tmp_path, {name: DOCUMENTS[name].format(average)}))
    assert faults(report) == kinds and sum(report.documents.values()) > 3


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".rst", "\n2. Forward\n==========\n\n==== =====\nkey  gap\n==== =====\nout  1e-6\n==== =====\n\nText 0.5.\n"),
        (".org", "* 2. Forward\n\n| key | gap |\n\n\n\n| key | gap |\n| out | 1e-6 |\n\nText 0.5.\n"),
        (".adoc", "== 2. Forward\n\n|===\n|key |gap\n\n\n\n|out |1e-6\n|===\n\nText 0.5.\n"),
        (
            ".html",
            "<h2>2. Forward</h2>\n\n<table><tr><td>key<td>gap</td>\n\n\n\n\n"
            "<tr><td>out</td><td>1e-6</td></table>\nText 0.5.",
        ),
    ],
)
def test_every_number_has_its_section_and_line(suffix: str, text: str) -> None:
    (section,) = [section for section in read_sections(text, suffix) if section.title]
    assert section.number == 2 and [(cell.column, cell.row, cell.text) for cell in section.cells] == [
        ("gap", "out", "1e-6")
    ]
    assert section.cells[0].line == 8 and [cell.text for cell in section.said] == ["0.5"]


GAP = float(np.abs(LOGITS - PORT).mean())


@pytest.mark.parametrize(
    ("head", "printed", "kinds"),
    [
        ("mean diff", f"{GAP:.3e}", set()),
        ("mean diff", "0.5 %", {"no evidence"}),  # of the values, of the outputs, of an accuracy: who knows
        ("mean diff (%)", "0.5", {"no evidence"}),
        ("mean diff", f"{100 * GAP:.3e} %", set()),
        ("mean diff", "0.5", {"document differs"}),
    ],
)
def test_a_difference_as_percent_is_not_held_against_a_fraction(
    head: str, printed: str, kinds: set[str], tmp_path: Path
) -> None:
    text = f"# Forward\n\n| key | {head} |\n|---|---|\n| logits | {printed} |\n"
    report = audit(write(tmp_path, {"logits_torch.npy": LOGITS, "logits_paddle.npy": PORT, "README.md": text}))
    found = [item for item in report.findings if item.where.startswith("README.md")]
    assert {item.kind for item in found} == kinds
    if kinds == {"no evidence"}:
        assert "logits: 0.5 % (of what is not said, so it is not compared)" in found[0].text


@pytest.mark.parametrize(
    ("rows", "average", "kind"),
    [
        (("0.796", "0.811"), "80.35", None),
        (("0.796", "0.811"), "80.35 %", None),
        (("79.6 %", "0.811"), "80.35 %", None),
        (("0.796", "0.811"), "81.1 %", "average differs"),
        (("0.796", "0.811"), "81.1", "units not shown"),
        (("79.6", "81.1"), "0.811", "units not shown"),
    ],
)
def test_an_average_in_another_unit(rows: tuple[str, str], average: str, kind: str | None, tmp_path: Path) -> None:
    cells = "".join(f"| seed {n} | {text} |\n" for n, text in enumerate(rows))
    text = f"# R\n\n| run | acc |\n|---|---|\n{cells}| average | {average} |\n"
    kinds = {item.kind for item in audit(write(tmp_path, {"R.md": text})).findings} - {"no evidence"}
    assert kinds == ({kind} if kind else set())


def test_files_of_formats_that_are_not_read_are_named(tmp_path: Path) -> None:
    names = (
        "events.out.tfevents.1600000000.host",
        "flax.msgpack",
        "logs.zip",
        "model.onnx",
        "preds.parquet",
        "sheet.xlsx",
    )
    assert audit(write(tmp_path, dict.fromkeys(names, "PK\3\4"))).unread == names


def test_two_sides_without_a_common_name_are_named_as_not_compared(tmp_path: Path) -> None:
    np.savez(tmp_path / "torch_model.npz", **{"layer.0.weight": LOGITS})
    np.savez(tmp_path / "flax_model.npz", **{"layer_0/kernel": LOGITS.T})
    assert audit(tmp_path).uncompared == ("flax_model.npz", "torch_model.npz")


@pytest.mark.parametrize("suffix", [".rst", ".org", ".adoc", ".html", ".tex", ".log", ".yaml"])
@pytest.mark.parametrize(
    "part", ["== ==\n", "</", "<!--", "<td>", "|a ", "\\begin{tabular}", "loss: ", "a: a: ", "[", "&a *a "]
)
def test_long_files_take_no_long_time(suffix: str, part: str, tmp_path: Path) -> None:
    """A quadratic loop over so many parts would take minutes."""
    text = part * (400_000 // len(part))
    audit(write(tmp_path, {f"results/{side}{suffix}": text for side in ("torch", "jax")}))
