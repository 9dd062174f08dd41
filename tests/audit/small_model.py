"""One framework trains the small network of ``habits.numbers``: ``python -m tests.audit.small_model FRAMEWORK DIR``.

Every framework starts from the same weights and batches, and computes its own way: activations, loss, gradients and
twenty losses of plain gradient descent.
"""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from repro.dumps import write_dump
from repro.numerics.arrays import Arrays
from tests.audit.habits.numbers import Batch, Network, batches, initial

RATE = 0.2
STEPS = 20


def _autograd(framework: Any) -> Callable[..., tuple[Arrays, np.ndarray, Arrays]]:
    """Activations, loss and gradients by a framework's own operators."""
    torch = framework.__name__ == "torch"

    def compute(weights: Arrays, batch: Batch) -> tuple[Arrays, np.ndarray, Arrays]:
        make = framework.from_numpy if torch else framework.to_tensor
        images, labels = map(make, batch)
        parameters = {key: make(value) for key, value in weights.items()}
        for value in parameters.values():
            if torch:
                value.requires_grad_()
            else:
                value.stop_gradient = False

        def linear(values: Any, name: str) -> Any:
            weight = parameters[f"{name}.weight"]
            return framework.nn.functional.linear(values, weight.T if torch else weight, parameters[f"{name}.bias"])

        hidden = framework.tanh(linear(images, "fc1"))
        logits = linear(hidden, "fc2")
        loss = framework.nn.functional.cross_entropy(logits, labels)
        loss.backward()
        gradients = {key: value.grad.numpy() for key, value in parameters.items()}
        activations = {"hidden": hidden.detach().numpy(), "logits": logits.detach().numpy()}
        return activations, loss.detach().numpy(), gradients

    return compute


def _numpy(weights: Arrays, batch: Batch) -> tuple[Arrays, np.ndarray, Arrays]:
    network = Network(1, weights)
    hidden, logits = network.forward(batch[0])
    loss, gradients = network.gradients(*batch)
    return {"hidden": hidden, "logits": logits}, loss, gradients


def run(name: str, folder: Path) -> None:
    """Write the dumps of one framework."""
    rng = np.random.default_rng(7)
    weights, data = initial(rng), batches(rng, STEPS)
    compute = _numpy if name == "numpy" else _autograd(importlib.import_module(name))
    activations, _, gradients = compute(weights, data[0])
    dumps = {"initial": dict(weights), "activations": activations, "gradients": gradients}
    losses = []
    for batch in data:
        _, loss, step = compute(weights, batch)
        losses.append(np.float32(loss))
        weights = {key: value - np.float32(RATE) * step[key] for key, value in weights.items()}
    dumps |= {"losses": {"loss": np.array(losses)}, "trained": weights}
    for item, arrays in dumps.items():
        write_dump(folder / f"{item}_{name}.npy", arrays)


if __name__ == "__main__":
    run(sys.argv[1], Path(sys.argv[2]))
