"""Every phrase that a report or an audit can print, found in its code and templates."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from jinja2 import Environment
from jinja2.ext import extract_from_ast

import repro
from repro.audit.findings import KINDS
from repro.claims import load_document
from repro.report.glossary import glossary
from repro.results import ClaimVerdict, NumberVerdict, Outcome, Status
from repro.results.audit import Level
from repro.results.report import Finding

ROOT = Path(repro.__file__).parent
FOLDERS = ("audit", "pages", "report")


def _in_code(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Name(id="phrase" | "Phrase"), args=[ast.Constant(value=str(text)), *_]):
                yield text
            case ast.Call(func=ast.Name(id="counted"), args=[_, *texts]):
                yield from (str(text.value) for text in texts if isinstance(text, ast.Constant) and text.value)


def _in_template(path: Path) -> Iterator[str]:
    source = path.read_text(encoding="utf-8")
    for _, _, message in extract_from_ast(Environment().parse(source), ("_",)):
        text = message[0] if isinstance(message, tuple) else message  # with its values, which are no literals
        assert text, f"{path.name}: a phrase is not one literal"
        yield text


def phrases() -> set[str]:
    """All of them, and the verdicts, kinds and terms that reach a phrase as a value."""
    texts = {text for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") for text in _in_code(path)}
    for folder in FOLDERS:
        for path in (ROOT / folder / "templates").glob("*.j2"):
            texts |= {*_in_template(path)}
    for words in (ClaimVerdict, NumberVerdict, Outcome, Status):
        texts |= {*get_args(words)}
    texts |= {*KINDS, *get_args(Level)}
    texts |= {word for part in get_args(Finding.model_fields["kind"].annotation) for word in get_args(part) or (part,)}
    for part in glossary().values():
        texts |= {*part} | {*part.values()}
    return texts | {"total", "pretrained", "random", "F1", "exact match"} - {
        step.title for step in load_document().steps.values()
    }
