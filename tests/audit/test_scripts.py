"""What scripts compare, by which tolerance, and what they save: read from their text, and nothing in it is run."""

import json
from pathlib import Path

import pytest

from repro.audit.scripts import Dumps, Modules, Record, follow, is_relevant
from repro.audit.scripts.origins import origins
from repro.audit.scripts.recording import MAX_STEPS

IMPORTS = (
    "import numpy as np, torch, pickle, json, os, sys, argparse\nfrom pathlib import Path\nh = ReprodDiffHelper()\n"
)
CHECK = "check.py"
HABITS = Path(__file__).parent / "script_habits"


def habits(name: str) -> pytest.MarkDecorator:
    """Decorator: a test for each script of a file, with its heading."""
    blocks = (HABITS / f"{name}.txt").read_text().split("\n### ")[1:]
    scripts = [block.partition("\n")[::2] for block in blocks]
    return pytest.mark.parametrize(("heading", "body"), scripts, ids=[f"{h} {n}" for n, (h, _) in enumerate(scripts)])


def run(sources: dict[str, str], script: str = CHECK, files: tuple[str, ...] = ()) -> Record:
    return follow(script, Modules(sources, lambda path, limit: sources[path]), files)


def record(body: str) -> Record:
    assert is_relevant(IMPORTS + body)
    return run({CHECK: IMPORTS + body})


def paths(record: Record) -> list[tuple[str, str]]:
    return [(item.first.path, item.second.path) for item in record.comparisons]


def compares_one_file(record: Record) -> bool:
    sides = [(item.first, item.second) for item in record.comparisons]
    return any(
        (a.path.removeprefix("./"), a.keys, a.version) == (b.path.removeprefix("./"), b.keys, b.version)
        for a, b in sides
    )


@habits("same_file")
def test_one_file_on_both_sides_is_seen(heading: str, body: str) -> None:
    assert compares_one_file(record(body))


@habits("different_files")
def test_two_files_are_two(heading: str, body: str) -> None:
    assert not compares_one_file(record(body))


@habits("tolerances")
def test_a_comparison_has_the_tolerance_of_its_own_call(heading: str, body: str) -> None:
    absolute, relative, measure = heading.split()
    tolerance = record(f"A = np.load('a.npy')\nB = np.load('b.npy')\n{body}").comparisons[0].tolerance
    assert tolerance is not None and tolerance.source.startswith(CHECK)
    assert tolerance.absolute == pytest.approx(float(absolute), rel=1e-9, abs=0)
    assert tolerance.relative == pytest.approx(float(relative), rel=1e-9, abs=0)
    assert tolerance.measure == measure


@pytest.mark.parametrize("text", ["sys.argv[1]", "args.limit", "None", "'1e-3'", "float('nan')"])
def test_a_threshold_that_is_not_written_stays_unknown(text: str) -> None:
    body = f"h.compare_info(h.load_info('a'), h.load_info('b'))\nh.report(diff_threshold={text})"
    assert [item.tolerance for item in record(body).comparisons] == [None]


def test_a_block_goes_on_after_an_assertion() -> None:
    lines = [f"    assert abs(a['{key}'] - b['{key}']).max() < {limit}" for key, limit in (("x", 1e-3), ("y", 1e-5))]
    body = "\n".join(["import numpy as np", "with np.load('a.npz') as a, np.load('b.npz') as b:", *lines, ""])
    record = follow("check.py", Modules(["check.py"], lambda path, limit: body))
    asked = [comparison.tolerance for comparison in record.comparisons]
    assert [tolerance and tolerance.absolute for tolerance in asked] == [1e-3, 1e-5]


def test_each_report_belongs_to_the_comparison_before_it() -> None:
    part = "h.compare_info(h.load_info('{0}_torch.npy'), h.load_info('{0}_paddle.npy'))\nh.report(diff_threshold={1})\n"
    comparisons = record(part.format("a", 1e-6) + part.format("b", 0.15)).comparisons
    assert [item.tolerance and item.tolerance.absolute for item in comparisons] == [1e-6, 0.15]
    assert [item.line for item in comparisons] == [4, 6]


@habits("one_program")
def test_one_program_behind_both_sides_is_seen(heading: str, body: str) -> None:
    assert origins(CHECK, record(body).saved)


@habits("two_programs")
def test_two_programs_inputs_and_weights_are_no_fault(heading: str, body: str) -> None:
    assert origins(CHECK, record(body).saved) == []


def test_imports_between_scripts_are_followed() -> None:
    sources = {
        "steps/check.py": "from utils.cmp import compare, ROOT\ncompare(f'{ROOT}/a.npy', f'{ROOT}/b.npy', tol=0.5)\n",
        "utils/cmp.py": "import numpy as np\nfrom .where import ROOT\ndef compare(p, q, tol=1):\n"
        "    np.testing.assert_allclose(np.load(p), np.load(q), atol=tol)\n",
        "utils/where.py": "import utils.cmp\nROOT = 'dumps'  # and an import in a circle\n",
    }
    recording = run(sources, "steps/check.py")
    assert paths(recording) == [("dumps/a.npy", "dumps/b.npy")] and recording.comparisons[0].line == 2
    assert recording.comparisons[0].tolerance and recording.comparisons[0].tolerance.absolute == 0.5


def test_a_notebook_is_read_without_its_magics_and_broken_cells() -> None:
    cells = ["%cd x\n!ls\nimport numpy as np\na = np.load('a.npy')", "%%bash\nls -l", "def (", "files = !ls\nnp.load?"]
    cells.append("b = np.load('a.npy')\nnp.testing.assert_array_equal(a, b)")
    notebook = {"cells": [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]}
    recording = run({"n.ipynb": json.dumps(notebook)}, "n.ipynb")
    assert paths(recording) == [("a.npy", "a.npy")] and recording.comparisons[0].line == 11


def test_a_notebook_that_copies_one_side_is_seen() -> None:
    cells = [{"cell_type": "code", "source": ["import numpy as np\n", "!cp f_torch.npy f_paddle.npy"]}]
    assert origins("n.ipynb", run({"n.ipynb": json.dumps({"cells": cells})}, "n.ipynb").saved)


def test_listed_files_are_those_of_the_folder() -> None:
    body = "import glob, numpy as np\nfor f in glob.glob('torch/*.npy'):\n"
    body += "    assert np.allclose(np.load(f), np.load(f.replace('torch', 'paddle')))\n"
    recording = run({"c/x.py": body}, "c/x.py", ("c/torch/a.npy", "c/torch/deep/b.npy", "torch/c.npy"))
    assert paths(recording) == [("torch/a.npy", "paddle/a.npy")]


def test_a_dump_is_beside_the_script_or_from_the_root_or_the_only_one_with_this_ending() -> None:
    dumps = Dumps(["1_x/a.npy", "2_x/a.npy", "2_x/log/b.npy"])
    for path, script, meant in (
        ("./a.npy", "2_x/check.py", "2_x/a.npy"),
        ("1_x\\a.npy", "2_x/check.py", "1_x/a.npy"),
        ("/home/me/log/b.npy", "1_x/check.py", None),
        ("log/b.npy", "1_x/check.py", "2_x/log/b.npy"),
        ("⟨args.dir#1⟩/log/b.npy", "check.py", "2_x/log/b.npy"),
        ("⟨args.name#1⟩b.npy", "check.py", None),
        ("a.npy", "check.py", None),
    ):
        assert dumps.resolve(path, script) == meant, path
    recording = run(
        {
            "2_x/check.py": "import numpy as np\nfrom pathlib import Path\nD = Path(__file__).parent.parent\n"
            "np.allclose(np.load(D / '1_x/a.npy'), np.load(D.joinpath('2_x', 'a.npy')))"
        },
        "2_x/check.py",
    )
    (pair,) = paths(recording)
    assert [dumps.resolve(path, "2_x/check.py") for path in pair] == ["1_x/a.npy", "2_x/a.npy"]


HOSTILE = {
    "loops in loops": "".join(" " * n + f"for i{n} in range(200):\n" for n in range(15)) + " " * 15 + "load(1)",
    "recursion": "def f(n):\n  return [f(n + 1), f(n + 1)]\nload(f(0))",
    "functions that call each other": "def f(): g(); g()\ndef g(): f(); f()\nload(f())",
    "shared lists": "a = [load('x')]\n"
    + "a = [a, a]\n" * 60
    + "b = [load('x')]\n"
    + "b = [b, b]\n" * 60
    + "compare_info(a, b)\nload(f'{a}')\na == b",
    "a list in itself": "a = []\na.append(a)\nb = []\nb.append(b)\ncompare_info(a, b)\nload(a)",
    "comprehensions": "load([x for a in range(999) for b in range(999) for c in range(999)])",
    "long texts": "a = 'aaaaaaaaaaaaaaaa'\n" + "a = a + a\n" * 200 + "a = f'{a}{a}'\nload('x' * 10**9)\n"
    "load('{:>999999999}'.format(a))\nload('%999999999d' % 3)\nload('a' .replace('', 'b' * 4000))",
    "large numbers": f"h.report(diff_threshold={'9' * 4000})\nload(9**9**9**9)\nload(1 << 10**9)",
    "conditions": "".join(f"if x{n}:\n  a{n} = load('a')\nelse:\n  a{n} = load('b')\n" for n in range(3000)),
    "bases": "class A: pass\n" + "class A(A): pass\n" * 2000 + "A().x\nload(1)",
    "long sums": "load(" + "+".join(["'a'"] * 900) + ")",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_no_script_keeps_the_audit_busy(body: str) -> None:
    recording = run({CHECK: body})
    assert recording.steps <= MAX_STEPS + 1000 and len(recording.comparisons) <= 1000
    assert all(len(item.first.path) <= 4096 for item in recording.comparisons)


def test_a_script_that_does_not_end_keeps_what_it_showed_before() -> None:
    recording = run({CHECK: "np.allclose(np.load('a'), np.load('b'))\ndef f(): f(); f()\nf()"})
    assert paths(recording) == [("a", "b")] and not recording.complete
