"""Everything that the parts of a run can say in a report, found in their code; what a Chinese page leaves English."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import repro
from repro.pages import Markdown
from repro.report.render import translations
from repro.results import StepResult

ROOT = Path(repro.__file__).parent
# whose words reach a report finished
WORDED = (
    *("alignment", "analysis", "audit/claims.py", "audit/derivations.py", "audit/discovery.py", "audit/findings.py"),
    *("audit/reading.py", "audit/rules", "audit/scripted.py", "audit/scripts/origins.py", "claims/consistency.py"),
    *("context/compare.py", "context/dumps.py", "dumps/helper.py"),
    *("context/trainings.py", "deviations/tables.py", "deviations/words.py", "numerics", "report/assemble.py"),
    *("report/collect.py", "report/reprod_log.py", "report/run_tables.py", "results/inputs.py"),
    *("selftest/conclude.py", "selftest/faults.py", "untrusted"),
)
# what the synthetic runs say
INVENTED = re.compile(
    r"Step \d+ is rounding only|Measured on other weights|than documented|Other order|A note|Nothing changes|Far off|"
    r"the strict comparison: as it says|not the same|NaN at 3 of 100 places|the pairs scatter by 3 points"
)
COMPUTING = ("capture.py", "measure.py", "train.py")  # say nothing
# commands, pages of their own, errors that end a program, what to do then, the helper's own lines, names, patterns
ELSEWHERE = re.compile(
    r"python -m |#|not passed|no record|the dumps are not those of this step|this is no folder|no such folder|"
    r"run runs |correct count |rate ratio |total count |git |fetch |"
    r"config configs |result results |hparams |node_modules |\{\}\{\} diff: |diff check |.*\('data', \{|.*(\||\\b)"
)
PART = re.compile(r"[.;:] |\{\}")
TWO_WORDS = re.compile(r"[A-Za-z]{2,} [a-z]{2,}")


def said(tree: ast.AST) -> Iterator[str]:
    """Texts of a module, ``{}`` for their values: no docstrings, no phrases, no formats of numbers."""
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.Expr(value=ast.Constant()) | ast.Call(func=ast.Name(id="phrase" | "print")):
                continue
            case ast.Raise(exc=ast.Call(func=ast.Name(id="InputError" | "TypeError" | "ValueError"))):
                continue
            case ast.JoinedStr(values=parts):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts)
                for part in parts:
                    if isinstance(part, ast.FormattedValue):
                        yield from said(ast.Expression(part.value))
                continue
            case ast.Constant(value=str(text)):
                yield text
        yield from said(node)


def texts(*names: str) -> Iterator[tuple[str, str]]:
    """(module, text) of everything that modules and packages say."""
    for name in names:
        path = ROOT / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            if file.name not in COMPUTING:
                for text in said(ast.parse(file.read_text(encoding="utf-8"))):
                    yield str(file.relative_to(ROOT)), text


def worded() -> Iterator[tuple[str, str]]:
    """(module, part) of everything that can stand in a report finished, for parts of two words or more."""
    for file, text in texts(*WORDED):
        yield from ((file, words) for words in parts(text) if TWO_WORDS.search(words) and not ELSEWHERE.match(text))


def parts(text: str) -> list[str]:
    """What stands between its values and the ends of its clauses."""
    return [words.strip(" .,;:()[]") for words in PART.split(text)]


def left_in_english(page: str) -> list[str]:
    """Lines and cells of a Chinese Markdown page with English in them that is no name, quotation, code or command."""
    page = re.sub(r"```.*?```", "", INVENTED.sub("", page), flags=re.DOTALL)
    page = re.sub(
        r"不完整（.*?）(?= *(?:$|[。|；）]))", "", INVENTED.sub("", page), flags=re.MULTILINE
    )  # a library's words
    page = re.sub(r"<!--.*?-->|“[^”\n]*”|`[^`\n]*`|\]\([^)\n]*\)|<[^>\n]*>", "", page)
    cells = (cell.strip() for line in page.splitlines() for cell in line.split("|"))
    return [cell for cell in cells if TWO_WORDS.search(cell)]


@cache
def chinese() -> Markdown:
    """The writer of ``report.zh.md``."""
    return Markdown(translations(), chinese=True)


def english_in(result: StepResult) -> list[str]:
    """What a Chinese report leaves English of all that a step says."""
    writer = chinese()
    texts = [result.summary, *result.notes, *(claim.reason for claim in result.claims)]
    texts += [text for record in result.records for text in (record.reason, record.derivation)]
    for table in result.tables:
        texts += [table.title, *table.columns, *(cell for row in table.rows for cell in row if isinstance(cell, str))]
    return [line for text in dict.fromkeys(texts) for line in left_in_english(str(writer.text(text)))]
