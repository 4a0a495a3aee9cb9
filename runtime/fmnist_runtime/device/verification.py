"""Does a model file answer on this machine as it did when it was proved? Needs the base install and no Keras.

A proof says on how many images the file disagreed with Keras. Here the same images are asked again: more
disagreements than were proved, beyond what runtimes differ among themselves, and the file must not be used here.

Of a file that disagrees with Keras on many golden images the count alone says little: the hardest images are near
ties, so wrong weights only exchange some disagreements for others. So a proof also says how each of these images was
answered, and answers other than those are counted too.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.classifier import Classifier
from fmnist_runtime.data.fashion_mnist_files import Split
from fmnist_runtime.errors import ModelFileError
from fmnist_runtime.model.golden import Golden
from fmnist_runtime.system.atomic import sha256

# Runtimes and processors turn an answer on at most one image in 10,000 (docs/measurements.md, "Emulated ARM"); the
# golden images are the most likely ones, so one of them may turn, and five of all.
IMAGES_FOR_EACH_TURN = 2000
# Golden images that may be answered otherwise than was proved. Convolutions in int8 were seen to turn 5 of 100 between
# the runtimes; wrong weights that cost half a point of agreement turn 24 and more (docs/model-file.md).
GOLDEN_TURNS = 0.10
_PROOF_KEYS = {"runtime", "version", "images", "agreement", "accuracy", "answers_sha256", "golden"}
_GOLDEN_KEYS = {"images", "disagreements"}
# What a file that brings no proof must reach.
LEAST_AGREEMENT = 0.99


@dataclass(frozen=True)
class Verification:
    """How the file answered here: `agreement` with Keras is a share of `images`.

    It is None where Keras's answers are unknown: without a golden file, unless every answer is one that was proved.
    `reason` says in words what was compared with what, and what came out.
    """

    model: str
    runtime: str
    version: str
    machine: str
    images: int
    agreement: float | None
    ties: int
    passed: bool
    reason: str

    def as_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


def count_ties(outputs: NDArray[Any]) -> int:
    """On how many images two classes share the highest value of the output tensor, (N, classes) of any dtype."""
    return int(((outputs == outputs.max(axis=1, keepdims=True)).sum(axis=1) > 1).sum())


def answers_digest(answers: NDArray[Any]) -> str:
    """SHA-256 of the classes that were answered, (N,), each as 16 bits, little endian: what a proof records of them."""
    return sha256(answers.astype("<u2").tobytes())


def verify_golden(classifier: Classifier, golden: Golden, machine: str) -> Verification:
    """Ask the images of the golden file. Raises ModelFileError where it belongs to another model or export."""
    _check_belongs(classifier, golden)
    recorded = [proof["golden"] for proof in _proofs(classifier)]
    if any(found["images"] != len(golden.images) for found in recorded):
        raise ModelFileError(
            f"{classifier.model}: proved with {recorded[0]['images']} golden images, the golden file has "
            f"{len(golden.images)}; give the golden file that was exported with the model"
        )
    outputs = classifier.outputs(golden.images)
    proved = [found["disagreements"] for found in recorded]
    result = _verification(classifier, outputs, golden.expected, proved, machine, "golden images")
    known = [_proved_answers(golden, found["otherwise"]) for found in recorded if "otherwise" in found]
    return _with_turns(result, outputs.argmax(axis=1), known) if known else result


def otherwise(answers: NDArray[Any], golden: Golden) -> str:
    """How a file answers those golden images on which it disagrees with Keras: "3:7 15:2", image number and class.

    `answers` are its classes for all of them, (N,). A proof records this, and `verify_golden` reads it.
    """
    return " ".join(f"{number}:{answers[number]}" for number in (answers != golden.expected).nonzero()[0])


def _proved_answers(golden: Golden, text: str) -> NDArray[np.uint16]:
    answers = golden.expected.copy()
    for pair in text.split():
        number, answer = pair.split(":")
        answers[int(number)] = int(answer)
    return answers


def _with_turns(result: Verification, answers: NDArray[Any], proved: list[NDArray[np.uint16]]) -> Verification:
    turned = min(int((answers != one).sum()) for one in proved)
    allowed = max(1, int(result.images * GOLDEN_TURNS))
    reason = f"{result.reason}; {turned} otherwise than was proved, {allowed} may"
    return replace(result, passed=result.passed and turned <= allowed, reason=reason)


def verify_data(classifier: Classifier, test: Split, golden: Golden | None, machine: str) -> Verification:
    """Ask all test images; without a golden file, Keras's answers are known only by what the proofs say of them.

    Raises ModelFileError where the golden file belongs to another model, where the images are not those of the proof,
    or where there is neither a golden file nor a proof.
    """
    _check_images(classifier, test, golden)
    outputs = classifier.outputs(test.images)
    if golden is not None:
        _check_belongs(classifier, golden)
        proved = [round((1 - proof["agreement"]) * proof["images"]) for proof in _proofs(classifier)]
        return _verification(classifier, outputs, golden.test_expected, proved, machine, "test images")
    proofs = _proofs(classifier)
    if not proofs:
        raise ModelFileError(f"{classifier.model}: it brings no proof to compare with; give its --golden FILE")
    return _against_proofs(classifier, outputs, test.labels, proofs, machine)


def _check_images(classifier: Classifier, test: Split, golden: Golden | None) -> None:
    """Refuse the test images of another data set than the one that the model was proved on."""
    known = {int(proof["images"]) for proof in _proofs(classifier)} | ({len(golden.test_expected)} if golden else set())
    if known and known != {len(test.images)}:
        raise ModelFileError(
            f"{classifier.model}: proved with {' and '.join(f'{count:,}' for count in sorted(known))} test images, the "
            f"data set has {len(test.images):,}; give the data set that it was proved on with --data DIR"
        )
    if golden and not np.array_equal(test.images[golden.indices], golden.images):
        raise ModelFileError(
            f"{classifier.model}: the test images are not those of its golden file; give the data set that it was "
            f"proved on with --data DIR"
        )


def _verification(
    classifier: Classifier,
    outputs: NDArray[Any],
    expected: NDArray[np.uint16],
    proved: list[int],
    machine: str,
    what: str,
) -> Verification:
    images = len(outputs)
    wrong = int((outputs.argmax(axis=1) != expected).sum())
    limit = max(proved) + _turns(images) if proved else int((1 - LEAST_AGREEMENT) * images)
    basis = (
        f"its proof allows {max(proved)} and {_turns(images)} may turn" if proved else f"without a proof {limit} may"
    )
    reason = f"{wrong} of {images:,} {what} answered otherwise than Keras; {basis}"
    return _result(classifier, outputs, machine, 1 - wrong / images, wrong <= limit, reason)


def _against_proofs(
    classifier: Classifier, outputs: NDArray[Any], labels: NDArray[np.uint8], proofs: list[dict[str, Any]], machine: str
) -> Verification:
    answers = outputs.argmax(axis=1)
    digest = answers_digest(answers)
    for proof in proofs:
        if proof["answers_sha256"] == digest:
            reason = f"every answer is the one proved on {proof['runtime']} {proof['version']}"
            return _result(classifier, outputs, machine, proof["agreement"], True, reason)
    right = int((answers == labels).sum())
    proved = [round((proof["accuracy"] or 0) * proof["images"]) for proof in proofs]
    # Answers that turn on n images change the number of right ones by n at most.
    passed = min(abs(right - count) for count in proved) <= _turns(len(answers))
    reason = f"{right:,} of {len(answers):,} test images right, proved were {' and '.join(f'{n:,}' for n in proved)}"
    return _result(classifier, outputs, machine, None, passed, reason)


def _result(
    classifier: Classifier, outputs: NDArray[Any], machine: str, agreement: float | None, passed: bool, reason: str
) -> Verification:
    ties = count_ties(outputs)
    runtime = classifier.runtime
    model = str(classifier.model)
    return Verification(model, runtime.name, runtime.version, machine, len(outputs), agreement, ties, passed, reason)


def _turns(images: int) -> int:
    return max(1, images // IMAGES_FOR_EACH_TURN)


def _proofs(classifier: Classifier) -> list[dict[str, Any]]:
    """The proofs in the file, those that say too little left out; their values are of the kinds in `descriptions`."""
    proofs: list[dict[str, Any]] = (classifier.description or {}).get("proofs", [])
    return [proof for proof in proofs if proof.keys() >= _PROOF_KEYS and proof["golden"].keys() >= _GOLDEN_KEYS]


def _check_belongs(classifier: Classifier, golden: Golden) -> None:
    stated = (classifier.description or {}).get("keras_sha256", golden.keras_sha256)
    if stated != golden.keras_sha256:
        raise ModelFileError(
            f"{classifier.model}: made from the Keras model {stated[:12]}…, the golden file from "
            f"{golden.keras_sha256[:12]}…; give the golden file that was exported with the model"
        )
    if golden.probabilities.shape[1] != len(classifier.labels):
        raise ModelFileError(
            f"{classifier.model}: {len(classifier.labels)} classes, the golden file has "
            f"{golden.probabilities.shape[1]}; give the golden file that was exported with the model"
        )
