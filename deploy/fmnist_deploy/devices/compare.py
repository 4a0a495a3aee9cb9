"""Comparison of a model's outputs in a cell with a reference: how many differ, by how much, and how many answers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Outputs = NDArray[np.float32] | NDArray[np.int8]


@dataclass(frozen=True)
class Comparison:
    """`differing` images have another output; for `near` of them the difference could change the answer.

    `largest` is the largest difference of one number, `smallest_margin` the smallest distance between the two highest
    numbers of the reference on an image that differs (None where none does): in steps for integers, in probability for
    floats. Where the margin of an image is more than twice its own largest difference, its answer cannot change.
    `turned` images have another answer.
    """

    images: int
    differing: int
    largest: float
    smallest_margin: float | None
    near: int
    turned: int

    @property
    def identical(self) -> bool:
        """Whether every byte is the same."""
        return self.differing == 0


def compare(outputs: Outputs, reference: Outputs) -> Comparison:
    """Compare `outputs`, (N, classes), with `reference`. Raises ValueError unless shapes and dtypes are the same."""
    if outputs.shape != reference.shape or outputs.dtype != reference.dtype:
        raise ValueError(
            f"outputs {outputs.shape} {outputs.dtype} cannot be compared with {reference.shape} {reference.dtype}"
        )
    # Bytes, so that -0.0 and 0.0 count as different: the claim is about bytes. int64 and float64 do not wrap around.
    changed = (outputs.view(np.uint8) != reference.view(np.uint8)).reshape(len(outputs), -1).any(axis=1)
    exact = np.float64 if outputs.dtype.kind == "f" else np.int64
    difference = np.abs(outputs.astype(exact) - reference.astype(exact)).max(axis=1)
    highest = np.sort(reference.astype(exact), axis=1)[:, -2:]
    margin = highest[:, 1] - highest[:, 0]
    return Comparison(
        images=len(outputs),
        differing=int(changed.sum()),
        largest=float(difference.max(initial=0)),
        smallest_margin=float(margin[changed].min()) if changed.any() else None,
        near=int((changed & (margin <= 2 * difference)).sum()),
        turned=turned(outputs, reference),
    )


def turned(outputs: Outputs, reference: Outputs) -> int:
    """The number of images with another answer; of classes that tie, the first is the answer."""
    return int((outputs.argmax(axis=1) != reference.argmax(axis=1)).sum())


def agreement(outputs: Outputs, expected: NDArray[np.uint16]) -> float:
    """The share of images on which the answers of `outputs`, (N, classes), are the classes `expected`, (N,)."""
    return float((outputs.argmax(axis=1) == expected).mean())
