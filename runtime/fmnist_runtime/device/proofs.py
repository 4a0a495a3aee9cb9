"""The proofs in a model file, and whether a golden file and a data set belong to them.

It compares no answers (fmnist_runtime.device.verification).
"""

from typing import Any

import numpy as np

from fmnist_runtime.classifier import Classifier
from fmnist_runtime.data.dataset import Split
from fmnist_runtime.errors import DataError, GoldenFileError
from fmnist_runtime.model.golden import Golden

_PROOF_KEYS = {"runtime", "version", "images", "agreement", "accuracy", "answers_sha256", "golden"}
_GOLDEN_KEYS = {"images", "disagreements"}


def proofs_of(classifier: Classifier) -> list[dict[str, Any]]:
    """The complete proofs in the file; fmnist_runtime.model.description has checked their values."""
    proofs: list[dict[str, Any]] = (classifier.description or {}).get("proofs", [])
    return [proof for proof in proofs if proof.keys() >= _PROOF_KEYS and proof["golden"].keys() >= _GOLDEN_KEYS]


def check_golden(classifier: Classifier, golden: Golden) -> None:
    """Check that `golden` was made for the model of `classifier`. Raises GoldenFileError."""
    stated = (classifier.description or {}).get("keras_sha256", golden.keras_sha256)
    if stated != golden.keras_sha256:
        raise GoldenFileError(
            f"{classifier.model}: made from the Keras model {stated[:12]}…, the golden file from "
            f"{golden.keras_sha256[:12]}…; give the golden file that was exported with the model"
        )
    if golden.probabilities.shape[1] != len(classifier.labels):
        raise GoldenFileError(
            f"{classifier.model}: {len(classifier.labels)} classes, the golden file has "
            f"{golden.probabilities.shape[1]}; give the golden file that was exported with the model"
        )


def check_images(classifier: Classifier, test: Split, golden: Golden | None) -> None:
    """Check that `test` is the test split that the model was proved on. Raises DataError."""
    known = {int(proof["images"]) for proof in proofs_of(classifier)} | (
        {len(golden.test_expected)} if golden else set()
    )
    if known and known != {len(test.images)}:
        raise DataError(
            f"{classifier.model}: proved with {' and '.join(f'{count:,}' for count in sorted(known))} test images, the "
            f"data set has {len(test.images):,}; give the data set that it was proved on with --data DIR"
        )
    if golden and not np.array_equal(test.images[golden.indices], golden.images):
        raise DataError(
            f"{classifier.model}: the test images are not those of its golden file; give the data set that it was "
            f"proved on with --data DIR"
        )
