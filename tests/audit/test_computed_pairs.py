"""Rules on pairs that two programs really computed: PyTorch in float32 against numpy, whose sums have another order."""

from collections.abc import Iterator, Mapping

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.audit.facts import key_facts
from repro.audit.rules.key import ComparedKey
from repro.audit.rules.keys import pair_findings
from repro.audit.tolerance import Tolerance
from repro.numerics.arrays import Arrays
from repro.results.audit import AuditFinding

EPSILON = 1e-5


def findings(pair: str, a: Arrays, b: Arrays, tolerance: Tolerance | None = None) -> set[AuditFinding]:
    keys = [ComparedKey(pair, key, key_facts(key, a[key], b[key], tolerance), tolerance) for key in a]
    return {item for items in pair_findings(keys).values() for item in items}


def faults(pair: str, a: Arrays, b: Arrays, tolerance: Tolerance | None = None) -> set[str]:
    return {item.kind for item in findings(pair, a, b, tolerance) if item.level == "fault"}


class Network:
    """Layers of a product, a normalisation and a ReLU, then logits; forward in both programs, training in PyTorch."""

    def __init__(self, seed: int, width: int, depth: int, rows: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.x = self.normal(rows, width)
        self.labels = self.rng.integers(0, 10, rows)
        shapes = [(width, width)] * depth + [(width, 10)]
        self.weights = [self.normal(*shape) / np.float32(np.sqrt(shape[0])) for shape in shapes]

    def normal(self, *shape: int) -> np.ndarray:
        return self.rng.standard_normal(shape, dtype=np.float32)

    def numpy(self, epsilon: float = EPSILON, weights: list[np.ndarray] | None = None) -> Arrays:
        x = self.x
        *layers, last = weights or self.weights
        for weight in layers:
            x = x @ weight
            x = x - x.mean(axis=-1, keepdims=True)
            x = np.maximum(x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + np.float32(epsilon)), 0)
        logits = x @ last
        shifted = logits - logits.max(axis=-1, keepdims=True)
        chosen = shifted[np.arange(len(x)), self.labels]
        return {"logits": logits, "loss": np.array((np.log(np.exp(shifted).sum(axis=-1)) - chosen).mean())}

    def torch(self, steps: int = 1) -> Iterator[Arrays]:
        """Logits, loss and gradients of each step of gradient descent, and the weights before it."""
        weights = [torch.tensor(weight, requires_grad=True) for weight in self.weights]
        for _ in range(steps):
            x = torch.tensor(self.x)
            for weight in weights[:-1]:
                x = torch.nn.functional.relu(torch.nn.functional.layer_norm(x @ weight, x.shape[-1:], eps=EPSILON))
            logits = x @ weights[-1]
            loss = torch.nn.functional.cross_entropy(logits, torch.tensor(self.labels))
            gradients = torch.autograd.grad(loss, weights)
            result = {"logits": logits, "loss": loss} | {f"grad.{i}": gradient for i, gradient in enumerate(gradients)}
            yield {key: tensor.detach().numpy().copy() for key, tensor in result.items()}
            with torch.no_grad():
                for weight, gradient in zip(weights, gradients, strict=True):
                    weight -= 0.1 * gradient


networks = st.builds(
    Network, st.integers(0, 999), st.sampled_from([16, 64, 200]), st.integers(1, 6), st.sampled_from([8, 33])
)


@settings(max_examples=25, deadline=None)
@given(networks)
def test_a_healthy_forward_pass_raises_nothing(network: Network) -> None:
    theirs, ours = next(network.torch()), network.numpy()
    pair = ({key: theirs[key] for key in ours}, ours)
    assert not findings("forward_*.npy", *pair)
    assert not faults("forward_*.npy", *pair, Tolerance(1e-5)) and not faults(
        "inputs_*.npy", {"": network.x}, {"": network.x}
    )


@settings(max_examples=25, deadline=None)
@given(networks)
def test_another_program_differs(network: Network) -> None:
    logits = next(network.torch())["logits"]
    rows = network.rng.permutation(len(logits) - 1)
    turned = [weight.T if weight.shape[0] == weight.shape[1] else weight for weight in network.weights]
    ports = {
        "negative": -logits,
        "order": np.concatenate([logits[1:], logits[:1]])[[*(rows + 1), 0]],
        "unrelated": network.normal(*logits.shape),
        "weight": network.numpy(weights=turned)["logits"],
        "epsilon": network.numpy(epsilon=1e-3)["logits"],
        "zeros": np.zeros_like(logits),
    }
    missed = [
        name
        for name, port in ports.items()
        if "sides differ" not in faults("x_*.npy", {"logits": logits}, {"logits": port})
    ]
    assert not missed
    (item,) = [f for f in findings("x_*.npy", {"logits": logits}, {"logits": -logits}) if f.kind == "sides differ"]
    assert "negative of the reference" in item.text and "relative L2 difference 2" in item.text


@settings(max_examples=15, deadline=None)
@given(networks)
def test_an_epsilon_below_the_cost_of_rounding_has_a_direction(network: Network) -> None:
    """1e-5 against 1e-12 moves a normalised layer by 5e-6, less than rounding may cost, but all of it one way."""
    x = network.normal(32, network.x.shape[1])
    layers = [torch.nn.functional.layer_norm(torch.tensor(x), x.shape[-1:], eps=eps).numpy() for eps in (1e-5, 1e-12)]
    assert "sides differ" in faults("norm_*.npy", {"hidden": layers[0]}, {"hidden": layers[1]})


@settings(max_examples=10, deadline=None)
@given(networks, st.booleans())
def test_gradients_and_trainings_may_part(network: Network, as_keys: bool) -> None:
    """The second training starts one ulp away, as rounding moves it."""
    moved = Network(0, 16, 1, 8)
    moved.__dict__ |= network.__dict__
    moved.weights = [np.nextafter(weight, np.float32(2)) for weight in network.weights]
    first, second = (list(each.torch(12)) for each in (network, moved))
    gradients = [{key: array for key, array in side[0].items() if key.startswith("grad")} for side in (first, second)]
    losses = [{f"loss_{i}": step["loss"] for i, step in enumerate(side)} for side in (first, second)]
    if not as_keys:
        losses = [{"losses": np.array(list(side.values()))} for side in losses]
    assert not faults("backward_*.npy", gradients[0], gradients[1])
    assert not faults("train_*.npy", losses[0], losses[1])
    assert faults("train_*.npy", losses[0], losses[0]) == {"too exact"}


def series(values: Mapping[str, np.ndarray] | np.ndarray, as_keys: bool) -> Arrays:
    return {f"errG_{i}": np.array(value) for i, value in enumerate(values)} if as_keys else {"errG": np.asarray(values)}


@pytest.mark.parametrize("as_keys", [True, False])
def test_a_series_gets_one_verdict_in_either_form(as_keys: bool) -> None:
    rng = np.random.default_rng(8)
    losses = (1 + rng.random(12)).astype(np.float32)
    noise = rng.choice([-1, 1], 12).astype(np.float32)
    growing = losses + (1e-7 * 3.0 ** np.arange(12)).astype(np.float32) * noise
    other = losses * (1 + 1e-3 * noise)
    rate = losses.copy()
    rate[1:] *= np.float32(1.05)

    def kinds(port: np.ndarray, tolerance: Tolerance | None = None) -> list[str]:
        return sorted(
            item.kind for item in findings("x_*.npy", series(losses, as_keys), series(port, as_keys), tolerance)
        )

    assert kinds(losses) == ["too exact"]
    assert kinds(growing) == ["growing difference"]
    assert kinds(growing, Tolerance(1e-6)) == ["fails its threshold", "growing difference"]
    assert kinds(other) == ["sides differ"]  # at the first step
    assert kinds(rate) == ["sides differ"]  # faster than rounding grows


def test_numbered_arrays_get_one_finding_of_a_kind_with_the_worst() -> None:
    rng = np.random.default_rng(4)
    outputs = {f"out_{i}": rng.standard_normal((4, 50), dtype=np.float32) for i in range(1, 11)}
    port = {key: array + rng.normal(0, 1e-2 * 2.0**-i, array.shape) for i, (key, array) in enumerate(outputs.items())}
    port = {key: array.astype(np.float32) for key, array in port.items()}
    by_kind = {item.kind: item for item in findings("x_*.npy", outputs, port, Tolerance(1e-6))}
    assert sorted(by_kind) == ["fails its threshold", "sides differ"]
    assert "[out_1]" in by_kind["sides differ"].where and "out_2, out_3" in by_kind["sides differ"].text
    copied = findings("x_*.npy", outputs, outputs)
    assert [item.kind for item in copied] == ["bit-equal"] and "9 more" in next(iter(copied)).text
    deeper = {
        key: (array * (1 + 1e-7 * 4.0**i * rng.standard_normal(array.shape))).astype(np.float32)
        for i, (key, array) in enumerate(outputs.items())
    }
    (growing,) = [f for f in findings("x_*.npy", outputs, deeper) if f.kind == "growing difference"]
    assert "over 10 steps" in growing.text and growing.where.endswith("[out_#]")


def test_losses_of_epochs_may_have_parted_at_the_first() -> None:
    rng = np.random.default_rng(3)
    means = rng.random((10, 50), dtype=np.float32).astype(float).mean(axis=1)
    far = means * (1 + 1e-3 * rng.standard_normal(10))
    for key, a, b in (("loss", means, far), ("epoch_loss", means.astype(np.float32), far.astype(np.float32))):
        assert "sides differ" not in faults("x_*.npy", {key: a}, {key: b})
    sparse = [{f"loss_{50 * step}": np.float32(value) for step, value in enumerate(side)} for side in (means, far)]
    sparse[1]["loss_0"] = sparse[0]["loss_0"]
    arrays = [{key: np.array(value) for key, value in side.items()} for side in sparse]
    assert not faults("x_*.npy", arrays[0], arrays[1])  # 50 steps after equal first losses


def regression(rows: int, weights: int, steps: int, module: str) -> np.ndarray:
    """Float32 losses of gradient descent on a linear regression, with the sums of numpy or of PyTorch."""
    rng = np.random.default_rng(rows)
    x, y = (rng.standard_normal((rows, size), dtype=np.float32) for size in (weights, 1))
    w = np.ones((weights, 1), dtype=np.float32)
    losses = []
    for _ in range(steps):
        residual = x @ w - y
        squares = residual**2
        losses.append(float(torch.tensor(squares).mean() if module == "torch" else squares.mean()))
        w -= np.float32(0.2) * (x.T @ residual) / np.float32(rows)
    return np.array(losses)


def test_so_few_roundings_may_agree_to_the_bit() -> None:
    for rows, weights in ((1, 1), (4, 1), (4, 2)):
        losses = regression(rows, weights, 12, "numpy")
        assert not faults("losses_*.npy", {"losses": losses}, {"losses": losses.copy()}), (rows, weights)
    many = np.mean([regression(rows, 8, 12, "torch") == regression(rows, 8, 12, "numpy") for rows in range(30, 60)])
    assert 0.2 < many < 0.8  # what ``exactness`` assumes of sums of eight and more terms
