"""A cased WordPiece vocabulary, laid out so that the special ids are the original's."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from repro.config.paths import atomic_text

SPECIAL_IDS = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103, "[QUESTION]": 104}
FIRST_PIECE = 105


def lay_out(pieces: Iterable[str]) -> list[str]:
    """Vocabulary in id order: special tokens at their ids, ``[unused1]`` … between them, then the pieces."""
    by_id = {number: token for token, number in SPECIAL_IDS.items()}
    head = [by_id.get(number, f"[unused{number}]") for number in range(FIRST_PIECE)]
    return head + [piece for piece in pieces if piece not in SPECIAL_IDS]


def _tokenizer(model: models.WordPiece) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def train_vocabulary(texts: Sequence[str], *, size: int, least: int = 20) -> list[str]:
    """Train WordPiece with the ``tokenizers`` library, BERT's pre-tokenisation, case kept.

    The trainer counts every intermediate merge as a piece. Those that the text then hardly uses are dropped: a small
    model would never learn them.

    Args:
        texts: the pretraining text and the questions.
        size: number of pieces that the trainer may make, before dropping.
        least: a piece longer than one character stays if the text uses it this often.

    Returns:
        Tokens in id order, ``len`` at most ``size + 105``.
    """
    trained = _tokenizer(models.WordPiece(unk_token="[UNK]"))
    # The trainer numbers characters in the order of a randomised hash table and breaks ties by these numbers, so
    # they are fixed beforehand.
    characters = sorted({character for text in texts for character in text if not character.isspace()})
    alphabet = characters + [f"##{character}" for character in characters]
    trained.train_from_iterator(
        texts, trainers.WordPieceTrainer(vocab_size=size, show_progress=False, special_tokens=alphabet)
    )
    ids = trained.get_vocab()
    pieces = sorted(ids, key=lambda piece: ids[piece])
    fresh = _tokenizer(models.WordPiece({**ids, "[UNK]": len(ids)}, unk_token="[UNK]"))  # no character is special here
    used = Counter(token for encoding in fresh.encode_batch(list(texts)) for token in encoding.tokens)
    return lay_out(token for token in pieces if used[token] >= least or len(token.removeprefix("##")) == 1)


def write_vocabulary(path: Path, vocabulary: list[str]) -> None:
    """Write ``vocab.txt``: one token a line, in id order."""
    atomic_text(path, "".join(token + "\n" for token in vocabulary))
