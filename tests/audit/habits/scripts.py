"""Ten ways to compare two dumps in a script. ``{a}`` and ``{b}`` are their paths as seen from the script.

A style is a head, written once, and a body for each comparison; ``{{each}}`` bodies are written for every key.
"""

import json
from typing import NamedTuple


class Style(NamedTuple):
    """Text of a script: ``head``, then ``body`` for each item, in it ``{lines}`` of ``line`` for each key."""

    head: str
    body: str
    line: str = ""


STYLES = {
    "helper": Style(
        "from reprod_log import ReprodDiffHelper\n",
        "helper = ReprodDiffHelper()\n"
        'reference_info = helper.load_info("./{a}")\n'
        'port_info = helper.load_info("./{b}")\n'
        "helper.compare_info(reference_info, port_info)\n"
        'helper.report(path="{log}", diff_threshold={threshold})\n',
    ),
    "function": Style(
        "import numpy as np\n\n\n"
        "def check(first, second, tolerance):\n"
        "    one, other = np.load(first), np.load(second)\n"
        "    for key in one.files:\n"
        "        assert np.abs(one[key] - other[key]).mean() <= tolerance, key\n\n\n",
        'check("{a}", second="{b}", tolerance={threshold})\n',
    ),
    "keys": Style(
        "import numpy as np\n\n",
        'data = np.load("{a}")\n{lines}',
        'assert np.allclose(data["{key_a}"], data["{key_b}"], rtol=0, atol={threshold})\n',
    ),
    "notebook": Style(
        "import numpy as np\n%matplotlib inline\n",
        "{lines}",
        'a = np.load(f"{{\'{a}\'}}")\nb = np.load("{b}")\nassert np.abs(a - b).max() <= {threshold}\n',
    ),
    "arguments": Style(
        "import argparse\nimport pickle\nimport numpy as np\n\n",
        "parser = argparse.ArgumentParser()\n"
        'parser.add_argument("--expected", default="{a}")\n'
        'parser.add_argument("--actual", type=str, default="{b}")\n'
        "args = parser.parse_args()\n"
        'with open(args.expected, "rb") as file:\n    expected = pickle.load(file)\n'
        'with open(args.actual, "rb") as file:\n    actual = pickle.load(file)\n'
        "for name in expected:\n"
        "    np.testing.assert_allclose(actual[name], expected[name], rtol=0, atol={threshold})\n",
    ),
    "loop": Style(
        "import numpy as np\n\n",
        "LIMIT = {threshold}\n"
        'for first, second in [("{a}", "{b}")]:\n'
        "    one = np.load(first, allow_pickle=True).item()\n"
        "    other = np.load(second, allow_pickle=True).item()\n"
        "    for key in one:\n"
        "        diff = np.mean(np.abs(one[key] - other[key]))\n"
        "        assert diff <= LIMIT, key\n",
    ),
    "pathlib": Style(
        "from pathlib import Path\nimport torch\nfrom safetensors.torch import load_file\n\n"
        "ROOT = Path(__file__).parent\n",
        'one = load_file(ROOT / "{a}")\nother = load_file(ROOT.joinpath("{b}"))\n{lines}',
        'torch.testing.assert_close(other["{key}"], one["{key}"], rtol=0, atol={threshold})\n',
    ),
    "percent": Style(
        "import torch\n\n\ndef read(path):\n    return torch.load(path)\n\n\n",
        'before = read("%s" % "{a}")\nafter = read("{{}}".format("{b}"))\n{lines}',
        'assert torch.allclose(before["{key}"], after["{key}"], rtol=0, atol={threshold})\n',
    ),
    "json": Style(
        "import json\nimport numpy as np\n\n",
        'with open("{a}") as file:\n    ref = json.load(file)\n'
        'with open("{b}") as file:\n    ours = json.load(file)\n'
        "for key in ref:\n"
        "    np.testing.assert_allclose(np.array(ours[key]), np.array(ref[key]), rtol=0, atol={threshold})\n",
    ),
    "nested json": Style(
        "import json\nimport numpy as np\n\n",
        'with open("{a}") as file:\n    both = json.load(file)\n{lines}',
        'assert np.allclose(both["{side_a}"]["{key}"], both["{side_b}"]["{key}"], rtol=0, atol={threshold})\n',
    ),
    "csv": Style(
        "import pandas as pd\n\n",
        'one = pd.read_csv("{a}")\nother = pd.read_csv("{b}")\n{lines}',
        'assert (one["{key}"] - other["{key}"]).abs().max() <= {threshold}\n',
    ),
    "h5": Style(
        "import h5py\nimport numpy as np\n\n",
        'with h5py.File("{a}", "r") as one, h5py.File("{b}", "r") as other:\n{lines}',
        '    assert np.abs(one["{key}"][...] - other["{key}"][...]).mean() <= {threshold}\n',
    ),
}


def notebook(source: str) -> str:
    """A Jupyter notebook of one cell."""
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": 1, "source": source.splitlines(True)}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
