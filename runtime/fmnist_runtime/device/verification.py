"""Check that a model file gives its recorded answers on this machine. Needs the base install and no Keras.

A proof says on how many images the file disagreed with Keras. Here the file answers the same images again. If it
disagrees on more images than its proof, beyond the differences between runtimes, it must not be used here.

For a file that disagrees with Keras on many golden images the count alone says little: the hardest images are near
ties, so wrong weights only exchange some disagreements for others. So a proof also records the answer to each of these
images, and answers that differ from the record are counted too.

This module does not make proofs; fmnist_export does.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist_runtime.classifier import Classifier
from fmnist_runtime.data.dataset import Split
from fmnist_runtime.device.proofs import check_golden, check_images, proofs_of
from fmnist_runtime.errors import GoldenFileError, NoProofError
from fmnist_runtime.model.golden import Golden
from fmnist_runtime.system.digests import sha256

# At most two in 10,000 answers of an MLP differ between runtimes and processors (docs/devices.md). Most likely these
# are answers to golden images. So one answer to a golden image may differ, and five of all 10,000.
IMAGES_FOR_EACH_DIFFERENCE = 2000
# The share of golden images whose answer may differ from the record. With int8 convolutions 5 of 100 answers differed
# between the runtimes; wrong weights that cost half a point of agreement change 24 and more (docs/model-file.md).
GOLDEN_DIFFERENCES = 0.10
# The agreement that a file without a proof must reach.
LEAST_AGREEMENT = 0.99


@dataclass(frozen=True)
class Verification:
    """The result of a check: `agreement` with Keras is a share of `images`.

    It is None where Keras's answers are unknown: without a golden file, unless every answer is the recorded one.
    `reason` says in words what was compared, and the result.
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
    """The number of images on which two classes share the highest of `outputs`, (N, classes) of any dtype."""
    return int(((outputs == outputs.max(axis=1, keepdims=True)).sum(axis=1) > 1).sum())


def answers_digest(answers: NDArray[Any]) -> str:
    """SHA-256 of `answers`, the classes (N,), each as 16 bits, little endian; a proof records it."""
    return sha256(answers.astype("<u2").tobytes())


def verify_golden(classifier: Classifier, golden: Golden, machine: str) -> Verification:
    """Check the answers to the golden images. Raises GoldenFileError where they are of another model or export."""
    check_golden(classifier, golden)
    recorded = [proof["golden"] for proof in proofs_of(classifier)]
    if any(found["images"] != len(golden.images) for found in recorded):
        raise GoldenFileError(
            f"{classifier.model}: proved with {recorded[0]['images']} golden images, the golden file has "
            f"{len(golden.images)}; give the golden file that was exported with the model"
        )
    outputs = classifier.outputs(golden.images)
    proved = [found["disagreements"] for found in recorded]
    result = _against_keras(classifier, outputs, golden.expected, proved, machine, "golden images")
    known = [_recorded_answers(golden, found["otherwise"]) for found in recorded if "otherwise" in found]
    return _compare_with_record(result, outputs.argmax(axis=1), known) if known else result


def golden_differences(answers: NDArray[Any], golden: Golden) -> str:
    """The answers of a file to the golden images on which it disagrees with Keras: "3:7 15:2", image and class.

    `answers` are its classes for all golden images, (N,). A proof records this text as "otherwise", and
    `verify_golden` reads it.
    """
    return " ".join(f"{number}:{answers[number]}" for number in (answers != golden.expected).nonzero()[0])


def _recorded_answers(golden: Golden, text: str) -> NDArray[np.uint16]:
    answers = golden.expected.copy()
    for pair in text.split():
        number, answer = pair.split(":")
        answers[int(number)] = int(answer)
    return answers


def _compare_with_record(
    result: Verification, answers: NDArray[Any], recorded: list[NDArray[np.uint16]]
) -> Verification:
    """`result`, failed where too many of `answers` differ from the nearest of the `recorded` ones."""
    different = min(int((answers != one).sum()) for one in recorded)
    allowed = max(1, int(result.images * GOLDEN_DIFFERENCES))
    reason = f"{result.reason}; {different} differ from the recorded answer, {allowed} allowed"
    return replace(result, passed=result.passed and different <= allowed, reason=reason)


def verify_data(classifier: Classifier, test: Split, golden: Golden | None, machine: str) -> Verification:
    """Check the answers to all test images; without a golden file, Keras's answers are known only from the proofs.

    Raises GoldenFileError where the golden file belongs to another model, DataError where the images are not those of
    the proof, NoProofError where there is neither a golden file nor a proof.
    """
    check_images(classifier, test, golden)
    outputs = classifier.outputs(test.images)
    if golden is not None:
        check_golden(classifier, golden)
        proved = [round((1 - proof["agreement"]) * proof["images"]) for proof in proofs_of(classifier)]
        return _against_keras(classifier, outputs, golden.test_expected, proved, machine, "test images")
    proofs = proofs_of(classifier)
    if not proofs:
        raise NoProofError(
            f"{classifier.model}: it has no proof to compare with; give its golden file with --golden FILE"
        )
    return _against_proofs(classifier, outputs, test.labels, proofs, machine)


def _against_keras(
    classifier: Classifier,
    outputs: NDArray[Any],
    expected: NDArray[np.uint16],
    proved: list[int],
    machine: str,
    what: str,
) -> Verification:
    images = len(outputs)
    wrong = int((outputs.argmax(axis=1) != expected).sum())
    limit = max(proved) + _allowed(images) if proved else int((1 - LEAST_AGREEMENT) * images)
    basis = (
        f"its proof has {max(proved)}, {_allowed(images)} more allowed"
        if proved
        else f"{limit} allowed without a proof"
    )
    reason = f"{wrong} of {images:,} {what} differ from Keras; {basis}"
    return _result(classifier, outputs, machine, 1 - wrong / images, wrong <= limit, reason)


def _against_proofs(
    classifier: Classifier, outputs: NDArray[Any], labels: NDArray[np.uint8], proofs: list[dict[str, Any]], machine: str
) -> Verification:
    answers = outputs.argmax(axis=1)
    digest = answers_digest(answers)
    for proof in proofs:
        if proof["answers_sha256"] == digest:
            reason = f"every answer is the recorded one of {proof['runtime']} {proof['version']}"
            return _result(classifier, outputs, machine, proof["agreement"], True, reason)
    right = int((answers == labels).sum())
    proved = [round((proof["accuracy"] or 0) * proof["images"]) for proof in proofs]
    # Different answers on n images change the number of right ones by at most n.
    passed = min(abs(right - count) for count in proved) <= _allowed(len(answers))
    reason = f"{right:,} of {len(answers):,} test images right, recorded {' and '.join(f'{n:,}' for n in proved)}"
    return _result(classifier, outputs, machine, None, passed, reason)


def _result(
    classifier: Classifier, outputs: NDArray[Any], machine: str, agreement: float | None, passed: bool, reason: str
) -> Verification:
    ties = count_ties(outputs)
    runtime = classifier.runtime
    model = str(classifier.model)
    return Verification(
        model=model,
        runtime=runtime.name,
        version=runtime.version,
        machine=machine,
        images=len(outputs),
        agreement=agreement,
        ties=ties,
        passed=passed,
        reason=reason,
    )


def _allowed(images: int) -> int:
    return max(1, images // IMAGES_FOR_EACH_DIFFERENCE)
