"""Model files for tests that no export would publish."""

from pathlib import Path

import numpy as np

from fmnist_runtime.model import model_file


def write_with_shuffled_weights(model: Path, goal: Path) -> Path:
    """Write to `goal` a sound file with the proof of `model` and other answers: its largest weights are shuffled."""
    file = model_file.read(model)
    largest = max((tensor.data for tensor in file.graph.tensors), key=lambda data: data.length)
    content = bytearray(file.flatbuffer)
    np.random.default_rng(0).shuffle(np.frombuffer(content, np.uint8)[largest.start : largest.end])
    flatbuffer = bytes(content)
    unchanged = {name: value for name, value in file.description.items() if name not in ("schema", "flatbuffer")}
    description = {**model_file.describe(flatbuffer, file.labels), **unchanged}
    goal.write_bytes(model_file.pack(flatbuffer, file.labels, description))
    return goal
