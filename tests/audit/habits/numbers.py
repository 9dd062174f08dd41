"""What two float32 programs compute: a small network really trained twice, its sums added up in another order."""

from dataclasses import dataclass, field

import numpy as np

from repro.numerics.arrays import Arrays

IMAGES = 50_000  # of the test set: accuracies are whole numbers of them
STEPS = {4: 20, 32: 60}  # rows of a batch -> losses: a mean over many rows hides roundings, so that it takes more
Batch = tuple[np.ndarray, np.ndarray]


@dataclass
class Item:
    """One thing that is compared.

    Attributes:
        reference, port: both sides, key -> array.
        threshold: absolute, of the comparing script.
        documented: numbers of the document instead of the mean differences, key -> text.
        log: printed lines instead of those that these arrays give: key -> (value, passed).
        sides_in_script: which side each of the two loads of the script names.
        left_out: sides that are not published.
        more: arrays that only the reference's dump holds.
        threshold_is_stated: whether the script gives the threshold to ``reprod_log``.
    """

    name: str
    reference: Arrays
    port: Arrays
    threshold: float = 1e-5
    documented: dict[str, str] = field(default_factory=dict)
    log: dict[str, tuple[float, bool]] = field(default_factory=dict)
    sides_in_script: tuple[int, int] = (0, 1)
    left_out: tuple[int, ...] = ()
    more: Arrays = field(default_factory=dict)
    threshold_is_stated: bool = True

    def gaps(self) -> dict[str, float]:
        """Mean absolute difference of each key, in the arrays' own precision."""
        common = (key for key in self.reference if key in self.port)
        return {key: float(np.abs(self.reference[key] - self.port[key]).mean()) for key in common}

    def lines(self) -> dict[str, tuple[float, bool]]:
        """Key -> (printed mean difference, verdict) of the committed log."""
        return self.log or {key: (gap, gap <= self.threshold) for key, gap in self.gaps().items()}


def _product(a: np.ndarray, b: np.ndarray, blocks: int) -> np.ndarray:
    """``a @ b`` whose sums are added up in so many blocks."""
    parts = zip(np.array_split(a, blocks, axis=-1), np.array_split(b, blocks, axis=0), strict=True)
    total = np.zeros((*a.shape[:-1], b.shape[-1]), dtype=a.dtype)
    for left, right in parts:
        total = total + left @ right
    return total


@dataclass
class Network:
    """Two layers and a softmax, trained by plain gradient descent; ``blocks`` is the order of its sums."""

    blocks: int
    weights: Arrays

    def forward(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Activations of the hidden layer and logits."""
        hidden = np.tanh(_product(images, self.weights["fc1.weight"], self.blocks) + self.weights["fc1.bias"])
        return hidden, _product(hidden, self.weights["fc2.weight"], self.blocks) + self.weights["fc2.bias"]

    def gradients(self, images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, Arrays]:
        """Mean cross-entropy and its gradients."""
        hidden, logits = self.forward(images)
        exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = exponents / exponents.sum(axis=1, keepdims=True)
        rows = np.arange(len(labels))
        loss = -np.log(probabilities[rows, labels]).mean()
        probabilities[rows, labels] -= 1
        error = probabilities / np.float32(len(labels))
        inner = _product(error, self.weights["fc2.weight"].T, self.blocks) * (1 - hidden**2)
        return loss, {
            "fc1.weight": _product(images.T, inner, self.blocks),
            "fc1.bias": inner.sum(axis=0),
            "fc2.weight": _product(hidden.T, error, self.blocks),
            "fc2.bias": error.sum(axis=0),
        }

    def train(self, data: list[Batch], rate: float = 0.2) -> np.ndarray:
        """Losses of the steps; changes the weights."""
        losses = []
        for images, labels in data:
            loss, gradients = self.gradients(images, labels)
            losses.append(loss)
            self.weights = {key: value - np.float32(rate) * gradients[key] for key, value in self.weights.items()}
        return np.array(losses, dtype=np.float32)


def initial(rng: np.random.Generator) -> Arrays:
    """Fresh weights: zero biases, as every framework has them."""
    first, second = rng.normal(0, 0.15, (64, 48)), rng.normal(0, 0.15, (48, 10))
    arrays = {"fc1.weight": first, "fc1.bias": np.zeros(48), "fc2.weight": second, "fc2.bias": np.zeros(10)}
    return {key: value.astype(np.float32) for key, value in arrays.items()}


def batches(rng: np.random.Generator, steps: int, rows: int = 4) -> list[Batch]:
    """Images and labels of each step."""
    data = [(rng.normal(size=(rows, 64)).astype(np.float32), rng.integers(0, 10, rows)) for _ in range(steps)]
    for _, labels in data:
        labels[-1] += (labels == labels[0]).all()  # equal ones would say nothing
    return [(images, labels % 10) for images, labels in data]


def _rates() -> np.ndarray:
    """A warm-up from 0, then a linear decay, computed as Python does on both sides."""
    return np.array([1e-3 * min(step / 10, (100 - step) / 90) for step in range(100)])


def as_keys(losses: np.ndarray) -> Arrays:
    """A series with one key for each step."""
    return {f"loss_{step}": np.array(loss) for step, loss in enumerate(losses)}


def healthy(rng: np.random.Generator) -> dict[str, Item]:
    """Everything that a careful author compares, with nothing wrong in it."""
    rows = int(rng.choice([*STEPS]))
    weights, data = initial(rng), batches(rng, STEPS[rows], rows)
    reference, port = (Network(blocks, dict(weights)) for blocks in (1, 4))
    images, labels = data[0]
    forward = [dict(zip(("hidden", "logits"), network.forward(images), strict=True)) for network in (reference, port)]
    if rng.random() < 0.3:  # half a percent of masked entries
        masked = rng.random(forward[0]["hidden"].shape) < 0.005
        for side in forward:
            side["hidden"] = np.where(masked, np.float32(-10_000), side["hidden"])
    if rng.random() < 0.3:
        forward[1]["logits"] = forward[1]["logits"][None]  # a leading axis of 1
    gradients = [network.gradients(images, labels)[1] for network in (reference, port)]
    losses = [network.train(data) for network in (reference, port)]
    keyed = rng.random() < 0.5
    series = [as_keys(values) if keyed else {"loss": values} for values in losses]
    right = int(rng.integers(35_000, 42_000))
    top1 = [100 * (right + more) / IMAGES for more in (0, int(rng.integers(-9, 10)))]
    ids = {"images": images, "labels": labels}
    converted = {key: value + np.float32(0) for key, value in weights.items()} | {"norm.weight": np.ones(48, "float32")}
    items = [
        Item("batch", ids, dict(ids), 1e-6),
        Item("weights", converted, dict(converted), 1e-6),
        Item("forward", forward[0], forward[1]),
        Item("gradients", gradients[0], gradients[1]),
        Item("losses", series[0], series[1], 1e-4),
        Item("schedule", {"lr": _rates()}, {"lr": _rates()}, 1e-7),
        Item("metric", {"top1": np.array(top1[0])}, {"top1": np.array(top1[1])}, 0.05),
    ]
    return {item.name: item for item in items}
