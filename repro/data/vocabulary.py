"""A ``vocab.txt``: its tokens, the ids of the special ones, and whether it was made for text in lower case."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from repro.errors import InputError
from repro.results.inputs import TokenIds
from repro.untrusted.text import read_object, reason, refuse_stand_in

TOKENIZER_CONFIG = "tokenizer_config.json"
SPECIAL = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
QUESTION = "[QUESTION]"
_ORIGINAL_QUESTION = 104  # the original's vocabulary, in which it is [unused100]
_FREE = re.compile(r"\[unused\d+\]")
_BRACKETED = re.compile(r"\[.*\]")


@dataclass(frozen=True)
class Vocabulary:
    """Tokens by id, and how text is prepared for them.

    Attributes:
        lower_case: text is put into lower case first.
        strip_accents: accents are taken off; None: as ``lower_case`` says.
    """

    path: Path
    tokens: list[str]
    lower_case: bool
    strip_accents: bool | None

    @cached_property
    def ids(self) -> dict[str, int]:
        """Id of every token, the last one of equal lines, as in both frameworks' tokenisers."""
        return {token: index for index, token in enumerate(self.tokens)}

    def special_ids(self, config: Mapping[str, object], where: object = None) -> TokenIds:
        """Ids of the special tokens, none of which the configuration contradicts.

        The question's token is ``[QUESTION]``, or else a free row of the embeddings: the one that the configuration
        names, the original's 104, or the first ``[unused…]``.

        Args:
            config: as in the file, ``vocab_size`` included.
            where: the configuration's file, for messages.

        Raises:
            InputError: a special token is missing, there is no room for the question's, or an id of the configuration
                is another one than the vocabulary's.
        """
        if missing := [token for token in SPECIAL.values() if token not in self.ids]:
            marked = "; the file begins with a byte order mark" if self.tokens[0].startswith("\ufeff") else ""
            if {*missing} <= {word for token in self.tokens for word in token.split()[:1]}:
                marked = "; its lines hold more than a word piece: blanks, or other columns"
            raise InputError(
                f"vocabulary lacks {', '.join(missing)}{marked}",
                where=self.path,
                next_step="is it the WordPiece vocabulary of this model? It needs " + ", ".join(SPECIAL.values()),
            )
        ids = {name: self.ids[token] for name, token in SPECIAL.items()}
        for name, index in ids.items():
            stated = config.get(f"{name}_token_id")
            if stated not in (None, index):
                what = (
                    f"{name}_token_id is {stated!r}, but in the vocabulary {self.path} {SPECIAL[name]} has id {index}"
                )
                raise InputError(what, where=where, next_step="do they belong to the same model?")
        return TokenIds(question=self._question(config, where), **ids)

    def _question(self, config: Mapping[str, object], where: object) -> int:
        named, rows, listed = config.get("question_token_id"), config["vocab_size"], self.ids.get(QUESTION)
        if named is None:
            candidates = [_ORIGINAL_QUESTION, *range(len(self.tokens))] if listed is None else [listed]
            for index in candidates:
                if index == listed or self._is_free(index, len(self.tokens)):
                    return index
            raise InputError(
                "vocabulary has neither [QUESTION] nor an [unused…] entry for the question's token",
                where=self.path,
                next_step="put [QUESTION] in the place of an entry that no text needs",
            )
        if type(named) is int and (named == listed if listed is not None else self._is_free(named, rows)):
            return named
        place = (
            f"[QUESTION] has id {listed}"
            if listed is not None
            else "that is no [unused…] entry and no further embedding"
        )
        raise InputError(
            f"question_token_id is {named!r}, but in the vocabulary {self.path} {place}",
            where=where,
            next_step="correct it, or take it out of the configuration",
        )

    def _is_free(self, index: int, rows: object) -> bool:
        """Whether this row of so many embeddings belongs to no token of a text."""
        if 0 <= index < len(self.tokens):
            return _FREE.fullmatch(self.tokens[index]) is not None
        return isinstance(rows, int) and 0 <= index < rows


def read_vocabulary(path: Path) -> Vocabulary:
    """Read a vocabulary, and its casing from the ``tokenizer_config.json`` beside it.

    A line ends where Python's text files end it, as in both frameworks' tokenisers, and not at U+2028. Where that file
    says nothing about the casing, a vocabulary without any capital letter is one for text in lower case.

    Raises:
        InputError: a file cannot be read, stands for another one, is empty or no text; or the tokeniser is none that
            both frameworks have.
    """
    if not path.is_file():
        raise InputError("vocabulary is missing", where=path, next_step="--vocab FILE")
    refuse_stand_in(path)
    try:
        tokens = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the vocabulary: {reason(error)}", where=path) from error
    if not any(tokens):
        raise InputError("vocabulary is empty", where=path)
    return Vocabulary(path, tokens, *_casing(path.with_name(TOKENIZER_CONFIG), tokens))


def _casing(file: Path, tokens: list[str]) -> tuple[bool, bool | None]:
    """``do_lower_case`` and ``strip_accents`` of a tokeniser's configuration."""
    config = read_object(file, "tokenizer configuration") if file.is_file() else {}
    for key in ("do_lower_case", "strip_accents", "do_basic_tokenize", "tokenize_chinese_chars"):
        if not isinstance(config.get(key), bool | None):
            raise InputError(f"{key} is {config[key]!r}, not true or false", where=file)
    for key in ("do_basic_tokenize", "tokenize_chinese_chars"):
        if config.get(key) is False:
            raise InputError(f"{key} is false: no tokeniser of the model", where=file, next_step="use BERT's tokeniser")
    lower_case = config.get("do_lower_case")
    if lower_case is None:
        words = [token for token in tokens if not _BRACKETED.fullmatch(token)]
        lower_case = all(word == word.lower() for word in words) and any(word != word.upper() for word in words)
    return lower_case, config.get("strip_accents")
