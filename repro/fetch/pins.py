"""What the paper profile and the audit fetch: repositories, revisions, paths and, where they are known, git blob ids.

Sources: the few-shot files and the evidence are in the repository of the Paddle reproduction, at the commit whose
alignment notes are checked; the pretrained weights are in the model hub's maintained copy. For the weights no ids are
known beforehand: a sha256 is recorded on first use (``repro.fetch.verify``).
"""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

Host = Literal["github", "hub"]

_BASES: dict[Host, str] = {"github": "https://raw.githubusercontent.com", "hub": "https://huggingface.co"}


@dataclass(frozen=True)
class Pin:
    """One file at one revision.

    Attributes:
        blob: its git blob id, or None where a sha256 recorded on first use takes its place.
        instead: the option that names a local copy, so that nothing is fetched.
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
        base = (mirror or _BASES[self.host]).rstrip("/")
        resolve = "resolve/" if self.host == "hub" else ""
        return f"{base}/{self.repository}/{resolve}{self.revision}/{self.path}"

    def otherwise(self) -> str:
        """What a user can do if the file cannot be fetched."""
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

# Dumps and logs behind the alignment notes, and the averages behind the results table.
EVIDENCE = (
    *_published(
        "align_works",
        "repro audit DIR, or --evidence DIR",
        {
            "1_check_forward/align/model_input.bin": "1aea0c93bec1c74bbbfffe0904efed4a1dcd4397",
            "1_check_forward/log_diff/model_diff.txt": "44b459cdf01f10add6c2c69b9e232ede3ef97aa2",
            "1_check_forward/log_diff/pretrainedModel_diff.txt": "1093b11399c6998a135dce272962e629c53683c9",
            "1_check_forward/log_reprod/model_output_paddle.npy": "a9c493374d2a5c9cad47a0b6847ff34b20982c39",
            "1_check_forward/log_reprod/model_output_torch.npy": "8074e017b5f58017186bff2692c16f8c73195219",
            "2_check_devdata_testdata/log_diff/model_diff.txt": "963b40e0372d5665ecefff42a23d777d2ef9da09",
            "2_check_devdata_testdata/log_reprod/test_data_paddle.npy": "b8cc533985ee477582374fd41abd3bc3b83fb87b",
            "2_check_devdata_testdata/log_reprod/test_data_torch.npy": "d3874e5d765d122c2bc7e2f5a7706b1adbca3b65",
            "3_check_metric/align/eval_res_paddle_50.bin": "2cc2fd9a70dfc61eedea28ec88668f3356a27f2a",
            "3_check_metric/align/eval_res_torch_50.bin": "678186fa734f6db5c0dc883a47ffb437a8ab6c12",
            "3_check_metric/log_diff/metric_diff.txt": "4e318720c6f3e47ee1a2d679290b8df20282d4bf",
            "3_check_metric/log_reprod/lr_torch.npy": "6ecf32ee73850b0f45c618b520082418fdfaddfd",
            "3_check_metric/log_reprod/metric_paddle.npy": "b06c64b747d273cdc01c5758e4a8710fc19877ac",
            "3_check_metric/log_reprod/metric_torch.npy": "b06c64b747d273cdc01c5758e4a8710fc19877ac",
            "4_check_loss/align/model_input.bin": "1aea0c93bec1c74bbbfffe0904efed4a1dcd4397",
            "4_check_loss/log_diff/loss_diff.txt": "fd8701084347c06bc5688235178e073aa6a34dbe",
            "4_check_loss/log_reprod/loss_paddle.npy": "c828a0e291ecee6fcfd3ea03ec8029781446a206",
            "4_check_loss/log_reprod/loss_torch.npy": "52426bdc23ca02adaeed53c539baf24d1c111438",
            "4_check_loss2/align/model_input.bin": "1aea0c93bec1c74bbbfffe0904efed4a1dcd4397",
            "4_check_loss2/log_diff/loss_diff.txt": "75825a6d8b7f6f5685e4876b63d0bd33aaa70d27",
            "4_check_loss2/log_reprod/loss_paddle.npy": "592cb92dbfbd5eac5aeed9380bbb50baa4c134a0",
            "4_check_loss2/log_reprod/loss_torch.npy": "b05ffd9504ec9f6494f3269f39ad46408a5d773b",
            "5-7-8_check_optim-norm-backward/log_diff/loss_diff.txt": "1a3b8bd57eb8899ce4e68175edce7e9d99062e22",
            "5-7-8_check_optim-norm-backward/log_reprod/b_loss_paddle.npy": "12f254cf1984d0b6d62ddf904b337b9314fd4fba",
            "5-7-8_check_optim-norm-backward/log_reprod/b_loss_torch.npy": "8e912628e4fd92f184bdda77a3bd85775ee7858c",
            "5-7-8_check_optim-norm-backward/log_reprod/lr_paddle.npy": "6ecf32ee73850b0f45c618b520082418fdfaddfd",
            "5-7-8_check_optim-norm-backward/log_reprod/lr_torch.npy": "6ecf32ee73850b0f45c618b520082418fdfaddfd",
            "5-7-8_check_optim-norm-backward/loss_dic_paddle.bin": "52ee6610b82f794b0892e4b62db1fd3085f6d581",
            "5-7-8_check_optim-norm-backward/loss_dic_torch.bin": "cdb51837fa2b20df1addb4e49f98fcb338632973",
            "6_check_learing_rate/log_diff/loss_diff.txt": "83e26999f42daa90e072a2f22d6bc80569d72379",
            "6_check_learing_rate/log_reprod/lr_paddle.npy": "6ecf32ee73850b0f45c618b520082418fdfaddfd",
            "6_check_learing_rate/log_reprod/lr_torch.npy": "6ecf32ee73850b0f45c618b520082418fdfaddfd",
            "6_check_learing_rate/lr_paddle.bin": "8cc155eca8a5179fd6e08d45089a9880fa765aeb",
            "6_check_learing_rate/lr_torch.bin": "47c9513afdbef7b8f1baa251d7db69c120265e59",
            "9_check_forward_data/align/input_data_paddle.bin": "1aea0c93bec1c74bbbfffe0904efed4a1dcd4397",
            "9_check_forward_data/align/input_data_torch.bin": "1aea0c93bec1c74bbbfffe0904efed4a1dcd4397",
            "9_check_forward_data/log_diff/forward_data_diff.txt": "d39c5eccd3a643b1993eea2106287a3dda0a8f30",
            "9_check_forward_data/log_diff/model_diff.txt": "8d7b4762d851101a49f5302a5a94bfa697c8f889",
            "9_check_forward_data/log_diff/model_params_diff.txt": "95fbd6020e0670c4273212af4429aaeb58309109",
            "9_check_forward_data/log_diff/pretrainedModel_diff.txt": "245c4a46a6c0265acd6c60e4ff387d096161c187",
            "9_check_forward_data/log_reprod/forward_data_paddle.npy": "1d9065fef985a2248b6cdd7b33f157bf525a1106",
            "9_check_forward_data/log_reprod/forward_data_torch.npy": "1d9065fef985a2248b6cdd7b33f157bf525a1106",
            "9_check_forward_data/log_reprod/model_params_paddle.npy": "1d9065fef985a2248b6cdd7b33f157bf525a1106",
            "9_check_forward_data/log_reprod/model_params_torch.npy": "1d9065fef985a2248b6cdd7b33f157bf525a1106",
        },
    ),
    *_published(
        "output_avg",
        "repro audit DIR, or --evidence DIR",
        {
            "examples1024_average.json": "e45180f459ed5f2ebf43b853b7c71640fb74df80",
            "examples128_average.json": "7ede19d76fedeeee01eb3c7b175aea2145e0f896",
            "examples16_average.json": "6db75add18861edac2abcb412921dbaae5b93924",
        },
    ),
)

# The weights come last, so that a folder that holds them is complete.
WEIGHTS = tuple(
    Pin("hub", "tau/splinter-base-qass", "c400ac0b86b16bc4d73508561d3eca78f89c52d7", path, None, "--weights DIR")
    for path in ("config.json", "special_tokens_map.json", "tokenizer_config.json", "vocab.txt", "pytorch_model.bin")
)
