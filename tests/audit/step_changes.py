"""Faults that are one change of one step, as a table."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from tests.audit.fault_registry import FAULTS, Fault, Plant
from tests.audit.reproduction import Step

Change = Callable[[Step], object]


def _on_step(step: str, change: Change) -> Plant:
    return lambda reproduction, rng: change(reproduction.steps[step])


ZEROS, COUNT = np.zeros((4, 8), dtype=np.int64), np.arange(32).reshape(4, 8)
CODE = "```\nx = matmul(a, b)  # diff: 3.51742e-07\n```"
CAUSE = "The loss of precision is caused by paddle.matmul() of the two inputs."
# name -> (step, kind of finding, its place, change of the step)
CHANGES: dict[str, tuple[str, str, str, Change]] = {
    "notes print another number": (
        "forward",
        "document differs",
        "notes.md",
        lambda step: step.document("logits", 1.3),
    ),
    "notes quote an older log": ("train", "document differs", "notes.md", lambda step: step.document("loss", 2)),
    "number behind a line of code": ("forward", "no evidence", "3.51742e-07", lambda step: step.change(text=CODE)),
    "an operation is blamed": ("forward", "cause", "paddle.matmul", lambda step: step.change(text=CAUSE)),
    "one side was not published": ("loss", "unpaired", "4_loss", lambda step: step.change(left_out=("paddle",))),
    "keys that are one number": ("metric", "repeated keys", "3_", lambda step: step.both("em", step.torch["exact"])),
    "shapes that transpose": ("forward", "shapes differ", "pooled", lambda step: step.port("pooled", np.transpose)),
    "shapes that broadcast": ("forward", "shapes differ", "pooled", lambda step: step.port("pooled", lambda a: a[:1])),
    "a number with an axis": ("metric", "scalar shapes", "[total]", lambda step: step.port("total", np.atleast_1d)),
    "other integers": (
        "batch",
        "dtypes differ",
        "input_ids",
        lambda step: step.port("input_ids", lambda a: a.astype(np.int32)),
    ),
    "labels that are all zero": ("batch", "no information", "labels", lambda step: step.both("labels", ZEROS)),
    "labels that count rows": ("batch", "no information", "labels", lambda step: step.both("labels", COUNT)),
    "positions as input": ("batch", "constant input", "position_ids", lambda step: step.both("position_ids", COUNT)),
    "inputs of one value": ("batch", "constant input", "token_type", lambda step: step.both("token_type_ids", ZEROS)),
    "a nan in one entry": ("forward", "not finite", "logits", lambda step: step.paddle["logits"].put(7, np.nan)),
    "bit-equal activations": ("forward", "bit-equal", "pooled", lambda step: step.both("pooled", step.torch["pooled"])),
    "the port is negated": ("forward", "sides differ", "logits", lambda step: step.port("logits", np.negative)),
    "a step misses its threshold": (
        "forward",
        "fails its threshold",
        "pooled",
        lambda step: step.port("pooled", lambda a: a * np.float32(1.0001)),
    ),
    "the log says failed": (
        "train",
        "log says failed",
        "train_diff",
        lambda step: step.port("loss", lambda a: a + 1e-5),
    ),
    "an axis in front": ("forward", "leading axis", "logits", lambda step: step.port("logits", lambda a: a[None])),
    "the metric moved": ("metric", "metric differs", "f1", lambda step: step.port("f1", lambda a: np.array(a + 0.2))),
    "a fresh bias": (
        "forward",
        "initial value",
        "bias",
        lambda step: step.both("dense.bias", np.zeros(8, dtype=np.float32)),
    ),
    "a threshold for ones": ("lr", "threshold of another scale", "lr", lambda step: step.change(threshold=1e-6)),
}

ONE_PROGRAM = """logits = TorchModel()(inputs)
np.save("./{name}_torch.npy", {{"logits": logits.detach().numpy()}})
np.save("./{name}_paddle.npy", {{"logits": paddle.to_tensor(logits).numpy()}})
"""
CHANGES["one value is saved as both sides"] = (
    "forward",
    "one program",
    "forward_*.npy",
    partial(Step.change, script=ONE_PROGRAM),
)

SAME_FILE = {
    "one path": 'a = h.load_info("./{name}_torch.npy")\nb = h.load_info("./{name}_torch.npy")\nh.compare_info(a, b)',
    "a variable": 'p = "./{name}_torch.npy"\na = h.load_info(p)\nb = h.load_info(p)\nh.compare_info(a, b)',
    "formatted and joined": 'd = "."\na = np.load(f"{{d}}/{name}_torch.npy", allow_pickle=True).item()\n'
    'b = np.load(os.path.join(d, "{name}_torch.npy"), allow_pickle=True).item()\n'
    'np.testing.assert_allclose(a["x"], b["x"])',
    "pathlib": 'a = h.load_info(Path("..") / "2_data" / "{name}_torch.npy")\n'
    'b = h.load_info(Path(__file__).parent / "{name}_torch.npy")\nh.compare_info(a, b)',
    "percent and format": 'a = h.load_info("./%s_torch.npy" % "{name}")\n'
    'b = h.load_info("{{}}_torch.npy".format("{name}"))\nh.compare_info(a, b)',
    "one value twice": 'a = h.load_info("../2_data/{name}_torch.npy")\nh.compare_info(a, a)',
    "attributes": "class C:\n    def go(self):\n"
    '        self.a = h.load_info("{name}_" + "torch.npy")\n        h.compare_info(info1=self.a, info2=self.a)',
    "unpacked": 'a, b = h.load_info("./{name}_torch.npy"), h.load_info("{name}_torch.npy")\nh.compare_info(a, b)',
    "nested calls": 'h.compare_info(h.load_info("{name}_torch.npy"), h.load_info("{name}_torch.npy"))',
    "a later alias": 'a = h.load_info("{name}_torch.npy")\nb = a\nh.compare_info(a, b)',
    "in a function": "def load(p):\n    return h.load_info(p)\n\ndef main():\n"
    '    p = "{name}_torch.npy"\n    h.compare_info(h.load_info(p), h.load_info(p))',
}
for spelling, script in SAME_FILE.items():
    place = ("batch", "same file", "2_data/check_batch.py")
    CHANGES[f"script loads one file: {spelling}"] = (*place, partial(Step.change, script=script))

FAULTS |= {
    name: Fault(name, ((kind, where),), _on_step(step, change)) for name, (step, kind, where, change) in CHANGES.items()
}
FAULTS["the metric moved"] = replace(
    FAULTS["the metric moved"],
    consequences=(("document differs", "f1"),),  # the notes state both values
)
FAULTS["one side was not published"] = replace(
    FAULTS["one side was not published"], required=(("unpaired", "4_loss"), ("absent dumps", "check_loss.py"))
)
