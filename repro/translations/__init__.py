"""The words of the pages in Chinese, and those of the Chinese document in English."""

from functools import cache
from importlib.resources import files

from repro.config.yaml_text import shipped
from repro.pages import Translations


def phrases() -> dict[str, str]:
    """What the pages say themselves: English -> Chinese."""
    return _read("zh", "figures.zh", "glossary.zh")


def sentences() -> dict[str, str]:
    """What the parts of a run and the audit say, as it stands in their results: English -> Chinese."""
    return _read("reasons.zh", "tables.zh", "audit.zh", "files.zh")


@cache
def translations() -> Translations:
    """All of them."""
    return Translations(phrases() | sentences())


@cache
def document_words() -> dict[str, str]:
    """Chinese words of the document -> their English translation."""
    return _read("document")


def _read(*names: str) -> dict[str, str]:
    texts = (files(__name__).joinpath(f"{name}.yaml").read_text(encoding="utf-8") for name in names)
    return {words: translation for text in texts for words, translation in shipped(text).items()}
