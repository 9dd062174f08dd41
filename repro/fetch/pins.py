"""What the paper profile fetches: repositories, revisions, paths and, where they are known, git blob ids.

Sources: the few-shot files and the published vocabulary stand in the repository of the Paddle reproduction,
at the commit whose alignment notes are checked; the pretrained weights in the model hub's maintained copy.
For the latter no ids are known beforehand: a sha256 is recorded on first use (``repro.fetch.verify``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

Host = Literal["github", "hub"]

_BASES: dict[Host, str] = {"github": "https://raw.githubusercontent.com", "hub": "https://huggingface.co"}
_BELOW: dict[Host, str] = {
    "github": "{repository}/{revision}/{path}",
    "hub": "{repository}/resolve/{revision}/{path}",
}


@dataclass(frozen=True)
class Pin:
    """One file at one revision.

    Attributes:
        blob: its git blob id, or None where a sha256 recorded on first use takes its place.
        instead: the option with which a user hands in the file instead of fetching it.
    """

    host: Host
    repository: str
    revision: str
    path: str
    blob: str | None
    instead: str

    @property
    def name(self) -> str:
        """File name under the destination."""
        return PurePosixPath(self.path).name

    def url(self, mirror: str | None = None) -> str:
        """Address of the file; a mirror has the same paths below its own base."""
        below = _BELOW[self.host].format(repository=self.repository, revision=self.revision, path=self.path)
        return f"{(mirror or _BASES[self.host]).rstrip('/')}/{below}"

    def otherwise(self) -> str:
        """What a user can do where the file cannot be fetched."""
        return f"bring the files yourself: {self.instead}, or name another source: --mirror URL"


def _published(folder: str, instead: str, blobs: dict[str, str]) -> tuple[Pin, ...]:
    repository, commit = "ncpaddle/splinter-paddlepaddle", "09cc9f56f0795e862616776a1d7311ab8a505972"
    return tuple(Pin("github", repository, commit, f"{folder}/{name}", blob, instead) for name, blob in blobs.items())


FEW_SHOT = _published(
    "mrqa-few-shot/squad",
    "--data DIR",
    {
        "dev_qass.jsonl": "3da232a9b15c44695894fc1c19120775d2a7eff9",
        "dev_qass_50.jsonl": "fcf02f696295248b71ce7682648cbf925f69d93f",
        "squad-train-seed-42-num-examples-1024_qass.jsonl": "2dc3a7628fafb4dc3cf4f78bb11ee352a640b882",
        "squad-train-seed-42-num-examples-128_qass.jsonl": "08e05fd1b34572b78c34acce02074d76225d2202",
        "squad-train-seed-42-num-examples-16_qass.jsonl": "7aeccc4793e2c70c8349801bfbb5686d07bb473d",
        "squad-train-seed-43-num-examples-1024_qass.jsonl": "c8397e20b58178240d50c1948db7cf6d5d0c1a40",
        "squad-train-seed-43-num-examples-128_qass.jsonl": "a541611a0198dc77d22d174661849ca8085b9246",
        "squad-train-seed-43-num-examples-16_qass.jsonl": "accc53ecf7d0d1161c1de0cfc7ac55bc23a608b5",
        "squad-train-seed-44-num-examples-1024_qass.jsonl": "6517c08aea6d1cf663d14b6e92d75dad18c36ea6",
        "squad-train-seed-44-num-examples-128_qass.jsonl": "abb9c9aa06b0a586c7678d101eb3c9fcd33fa3a1",
        "squad-train-seed-44-num-examples-16_qass.jsonl": "0f1009707de9f3be3b41a5954d2f84778b42eb5f",
        "squad-train-seed-45-num-examples-1024_qass.jsonl": "973146eb10ae9eab59a7c40a2f2e8859c397a71d",
        "squad-train-seed-45-num-examples-128_qass.jsonl": "c0f254ccb009797c0f28ebb0774231a8e6770d04",
        "squad-train-seed-45-num-examples-16_qass.jsonl": "a17443f0dcf058af2b41aca29bb484e7e830fab5",
        "squad-train-seed-46-num-examples-1024_qass.jsonl": "e730e7262f0cca77b6f465497848f68e2920efb7",
        "squad-train-seed-46-num-examples-128_qass.jsonl": "18a083ba0a80b6a112f910e4f62d6e2433fd561d",
        "squad-train-seed-46-num-examples-16_qass.jsonl": "3975df7c47e4342cb49e328ec650daac42a683ea",
    },
)

PUBLISHED_TOKENIZER = _published(
    "splinter_init",
    "--vocab FILE",
    {
        "config.json": "c03940721fd5cb6ab8cecfd6cdc300f1f1792a8d",
        "model_config.json": "86bc82138c9d42368834b8fa0823b83e0166a5ca",
        "special_tokens_map.json": "e7b0375001f109a6b8873d756ad4f7bbb15fbaa5",
        "tokenizer_config.json": "57f1746bbcd1842e6a2a4d8c948d309e8d09ecde",
        "vocab.txt": "2ea941cc79a6f3d7985ca6991ef4f67dad62af04",
    },
)

# The weights come last, so that a folder that holds them is complete.
WEIGHTS = tuple(
    Pin(
        "hub",
        "tau/splinter-base-qass",
        "c400ac0b86b16bc4d73508561d3eca78f89c52d7",
        path,
        None,
        "--weights DIR",
    )
    for path in (
        "config.json",
        "special_tokens_map.json",
        "tokenizer_config.json",
        "vocab.txt",
        "pytorch_model.bin",
    )
)
