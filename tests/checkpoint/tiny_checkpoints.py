"""Small checkpoints for the tests, and the names of every layout worked out independently of the table."""

import numpy as np

TINY = {
    "vocab_size": 23,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 10,
    "type_vocab_size": 2,
}
HEAD_MODULES = ("query_start_transform", "query_end_transform", "start_transform", "end_transform")


def numbered(shapes: dict[str, tuple[int, ...]], dtype: str = "float32") -> dict[str, np.ndarray]:
    """Arrays in which no two elements of the whole checkpoint are equal."""
    arrays, start = {}, 0
    for name, shape in shapes.items():
        count = int(np.prod(shape))
        arrays[name] = np.arange(start, start + count).reshape(shape).astype(dtype)
        start += count
    return arrays


def original_from_hub(hub: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The original layout by rules of the two programs, not by the package's table."""
    arrays = {}
    for name, array in hub.items():
        if name.endswith("_classifier.weight"):
            array, name = array.T, name.removesuffix(".weight")
        name = name.replace("splinter_qass.", "cls.span_predictions.").replace("splinter.", "bert.")
        arrays[name] = array
    return arrays


def paddle_from_hub(hub: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The Paddle layout by rules of the two programs, not by the package's table."""
    renamed = {
        "splinter.encoder.layer.": "bert.encoder.layers.",
        "splinter.embeddings.LayerNorm": "bert.embeddings.layer_norm",
        "splinter.": "bert.",
        "splinter_qass.": "cls.span_predictions.",
        "attention.self.query": "self_attn.q_proj",
        "attention.self.key": "self_attn.k_proj",
        "attention.self.value": "self_attn.v_proj",
        "attention.output.dense": "self_attn.out_proj",
        "attention.output.LayerNorm": "norm1",
        "intermediate.dense": "linear1",
        "output.dense": "linear2",
        "output.LayerNorm": "norm2",
        "_classifier.weight": "_classifier",
    }
    arrays = {}
    for name, array in hub.items():
        if array.ndim == 2 and "_embeddings." not in name:
            array = array.T
        for old, new in renamed.items():
            name = name.replace(old, new)
        arrays[name] = array
    return arrays
