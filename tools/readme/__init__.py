"""The table of claims in both READMEs, from the reports of runs: ``python -m tools.readme RUN...``.

``docs/claims.json`` holds what the table needs of each run; ``en.md.j2`` and ``zh.md.j2`` hold the words. The table
stands between two comments of the READMEs, and a test fails when it is not what these three say.
"""

from pathlib import Path

from repro.config.paths import PROJECT

CLAIMS = PROJECT / "docs" / "claims.json"
TEMPLATES = Path(__file__).parent
READMES = {PROJECT / "README.md": "en.md.j2", PROJECT / "README.zh.md": "zh.md.j2"}
BEGIN, END = "<!-- claims: written by `python -m tools.readme RUN` -->\n", "<!-- /claims -->\n"
