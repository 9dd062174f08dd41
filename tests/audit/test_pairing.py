"""Which names are two sides of one comparison, by file, by folder, by key; and which are not."""

from itertools import combinations

import pytest

from repro.audit.pairing import MAX_GROUP, opposing, pairs
from repro.audit.sides import SIDES, order

FRAMEWORKS = "torch tensorflow keras jax mxnet numpy onnx mindspore jittor oneflow megengine paddle".split()


@pytest.mark.parametrize(("first", "second"), [*combinations(FRAMEWORKS, 2)])
def test_any_two_frameworks_are_a_pair_and_the_earlier_is_the_reference(first: str, second: str) -> None:
    for pattern in ("out_{}.npy", "{}/step1/out.npy", "runs/{}_dump/loss-{}.npz", "{}Logits.bin"):
        sides = [pattern.replace("{}", side) for side in (first, second)]
        (pair,) = pairs(sides[::-1])
        assert [pair.reference, pair.port] == sides and pair.name == pattern.replace("{}", "*")


@pytest.mark.parametrize("line", [line for line in SIDES.strip().split("\n") if line != "*" and " " in line])
def test_names_of_one_side_do_not_oppose_each_other(line: str) -> None:
    assert not any(order(*two) for two in combinations(line.split(), 2))


@pytest.mark.parametrize(
    ("reference", "port", "name"),
    [
        ("out_pt.npy", "out_pd.npy", "out_*.npy"),
        ("out_th.npy", "out_pp.npy", "out_*.npy"),
        ("out_pt.npy", "out_tf.npy", "out_*.npy"),
        ("out_torch.npy", "out_ms.npy", "out_*.npy"),
        ("ref.npy", "ours.npy", "*.npy"),
        ("out_ref.npy", "out_test.npy", "out_*.npy"),
        ("golden/x.npy", "out/x.npy", "*/x.npy"),
        ("benchmark_loss.npy", "torch_loss.npy", "*_loss.npy"),
        ("x_expected.npy", "x_actual.npy", "x_*.npy"),
        ("before/x.npy", "after/x.npy", "*/x.npy"),
        ("x_gt.npy", "x_pred.npy", "x_*.npy"),
        ("official/out.npy", "mine/out.npy", "*/out.npy"),
        ("w_original.pth", "w_converted.pdparams", "w_*.*"),
        ("w_src.npy", "w_dst.npy", "w_*.npy"),
        ("run/a.npy", "run/b.npy", "run/*.npy"),
        ("out_cpu.npy", "out_gpu.npy", "out_*.npy"),
        ("dygraph/out.npy", "static/out.npy", "*/out.npy"),
        ("PyTorch/x.npy", "PaddlePaddle/x.npy", "*/x.npy"),
        ("torchout.npy", "paddleout.npy", "*out.npy"),
        ("model.pth", "model.pdparams", "model.*"),
        ("x_torch.npy", "x_paddle.npz", "x_*.*"),
        ("torch/out_torch.npy", "paddle/out_paddle.npy", "*/out_*.npy"),
        ("torch_ref/outputs/loss_torch.npy", "paddle/loss_paddle.npy", None),
        ("loss_torch.npy", "port/loss_paddle.npy", None),
        ("out_ref.npy", "out.npy", None),
        ("out.npy", "out_paddle.npy", None),
    ],
)
def test_habits_of_naming(reference: str, port: str, name: str | None) -> None:
    for paths in ([reference, port], [port, reference]):
        (pair,) = pairs(paths)
        assert (pair.reference, pair.port) == (reference, port)
        assert name is None or pair.name == name


@pytest.mark.parametrize(
    "paths",
    [
        ["input.npy", "output.npy"],
        ["train.npy", "test.npy"],
        ["a/x.npy", "b/x.npy"],
        ["out_1.npy", "out_2.npy"],
        ["out_pt.npy", "out_torch.npy"],
        ["torch/x_paddle.npy", "paddle/x_torch.npy"],
        ["project/out_torch.npy", "another/out_paddle.npy"],
        ["step1/out_torch.npy", "step2/out_paddle.npy"],
        ["step1/out_torch.npy", "paddle/step2/out_paddle.npy"],
        ["x_before.npy", "x_golden.npy"],
        ["torch.npy", "loss.npy"],
    ],
)
def test_what_is_no_pair(paths: list[str]) -> None:
    assert not pairs(paths)


def test_each_of_three_sides_is_compared_with_the_reference() -> None:
    by_reference = pairs(["x_paddle.npy", "x_jax.npy", "x_torch.npy"])
    assert {(pair.reference, pair.port) for pair in by_reference} == {
        ("x_torch.npy", "x_jax.npy"),
        ("x_torch.npy", "x_paddle.npy"),
    }
    assert len({pair.name for pair in by_reference}) == 2


def test_the_closest_counterpart_is_taken() -> None:
    both = [f"{folder}/out_{side}.npy" for folder in ("torch", "paddle") for side in ("torch", "paddle")]
    assert {pair.name for pair in pairs(both)} == {"torch/out_*.npy", "paddle/out_*.npy"}
    mixed = ["w_torch.npy", "w_torch.pt", "w_paddle.npy", "w_paddle.pdparams"]
    assert ("w_torch.npy", "w_paddle.npy") in {(pair.reference, pair.port) for pair in pairs(mixed)}


def test_keys_of_one_dump() -> None:
    matches = opposing(["torch.out", "paddle.out", "loss_torch", "loss_paddle", "lr", "a", "b"], is_path=False)
    assert [(m.name, m.reference, m.port) for m in matches] == [
        ("*", "a", "b"),
        ("*.out", "torch.out", "paddle.out"),
        ("loss_*", "loss_torch", "loss_paddle"),
    ]


def test_work_is_bounded_where_every_word_is_a_side() -> None:
    """Names of one group are compared with each other, so a huge group is none."""
    words = ["torch", "paddle", "jax", "ref"]
    many = [f"{a}_{b}_{c}_{d}.npy" for a in words for b in words for c in words for d in words]
    assert len(many) > MAX_GROUP and not pairs(many)
