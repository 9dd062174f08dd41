"""Small generated MRQA files, a vocabulary, and hypothesis strategies that look for trouble."""

import json
import re
import string
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from repro.data.mrqa import Example

SPECIAL = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]", 104: "[QUESTION]"}
_WORDS = "the a was born in who where river king 18 19 é 中 ##er ##ing".split()

# Each separates a text from its tokens in another way.
TROUBLE = [
    "é",
    "e\u0301",  # composes under NFC
    "\u1112\u1161\u11ab",  # Hangul letters that compose to one syllable
    "\u212b",  # Angstrom sign: another character after NFC
    "\u0344",  # one character that NFC turns into two
    "中国",
    "\uf900",
    "\U0002f800",
    "a\u200bb",  # zero-width space: a format character, dropped
    "\u00ad",
    "a\u00a0b",  # a blank that is not " "
    "\u2028x",
    "a\tb",
    "\ufffd",
    "\x00",
    "“q”",
    "x" * 101,  # beyond what WordPiece looks at
    *"3–4 $5 ^ U.S. ##a ## [MASK] [SEP] [CLS] [PAD] ﬁ 😀 the,the".split(),
]

plain_words = st.sampled_from([*_WORDS[:11], "kinger", "rivers", "born,", "(1918)", "king's", ".", "?"])
words = st.one_of(plain_words, plain_words, st.sampled_from(TROUBLE), st.text(max_size=6)).filter(bool)


def vocabulary() -> list[str]:
    """Token of each id: the original's special ids, single characters, a few words and word parts."""
    letters = string.ascii_letters + string.digits
    pieces = [*letters, *(f"##{char}" for char in letters), *string.punctuation, *_WORDS]
    return [SPECIAL.get(index, f"[unused{index}]") for index in range(105)] + pieces


def write_vocabulary(directory: Path) -> Path:
    path = directory / "vocab.txt"
    path.write_text("\n".join(vocabulary()) + "\n", encoding="utf-8")
    return path


def document(
    text: str, question: str = "who was king?", answer: str | None = "king", name: str = "q1"
) -> dict[str, Any]:
    """One document about a text whose words are separated by single blanks."""
    tokens: list[Any] = [[match.group(), match.start()] for match in re.finditer("[^ ]+", text)]
    detected = []
    if answer is not None:
        first = text.index(answer)
        last = first + len(answer) - 1
        owner = [max(i for i, (_, start) in enumerate(tokens) if start <= char) for char in (first, last)]
        detected = [{"text": answer, "char_spans": [[first, last]], "token_spans": [owner]}]
    qa = {"id": name, "qid": f"long-{name}", "question": question, "detected_answers": detected}
    return {"context": text, "context_tokens": tokens, "qas": [qa]}


HEADER = {"header": {"dataset": "generated", "split": "train"}}


def write_file(path: Path, *lines: Any) -> Path:
    """Lines as JSON; a string stands for itself."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


@st.composite
def training_examples(draw: st.DrawFn) -> Example:
    """An example whose answer is where it is said to be, or part of its words, or elsewhere."""
    doc = draw(st.lists(words, min_size=1, max_size=60))
    first = draw(st.integers(0, len(doc) - 1))
    last = draw(st.integers(first, min(first + 3, len(doc) - 1)))
    span = " ".join(doc[first : last + 1])
    low = draw(st.integers(0, min(3, len(span) - 1)))
    answer = draw(st.sampled_from([span, span, span[low:], span[low : low + 4], f"  {span}\t", "not there"]))
    question = " ".join(draw(st.lists(words, max_size=8))) + " [MASK]."
    return Example("q", question, tuple(doc), answer or span, first, last)


@st.composite
def evaluation_examples(draw: st.DrawFn, count: int = 3) -> list[Example]:
    """Up to ``count`` examples, all of which have something to tokenise."""
    result = []
    for index in range(draw(st.integers(1, count))):
        doc = (*draw(st.lists(words, max_size=40)), "king")
        question = " ".join(draw(st.lists(words, max_size=5))) + " [MASK]."
        result.append(Example(f"q{index}", question, doc))
    return result


lengths = st.integers(20, 40).flatmap(
    lambda width: st.integers(1, 8).flatmap(
        lambda query: st.integers(1, width - query - 3).map(
            lambda stride: {"max_seq_length": width, "max_query_length": query, "doc_stride": stride}
        )
    )
)
