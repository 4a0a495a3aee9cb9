"""The proof stage of an export: a checked file with its answers on every available target, compared with Keras's."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fmnist_export.prove import proof
from fmnist_export.prove.agreement import check_agreement
from fmnist_export.prove.checked_file import CheckedFile
from fmnist_export.prove.environments import Environment
from fmnist_export.prove.proof import Outputs, Proof
from fmnist_export.source.reference_answers import ReferenceAnswers
from fmnist_runtime.device.verification import answers_digest, golden_differences
from fmnist_runtime.model import model_file
from fmnist_runtime.model.golden import Golden


@dataclass(frozen=True)
class TargetProof:
    """What a file's proof on one target consists of: its outputs, and the comparison with Keras."""

    outputs: Outputs
    proof: Proof


@dataclass(frozen=True)
class ProvedFile:
    """A checked file with a proof for each available target, and the agreement that was required of it."""

    checked: CheckedFile
    target_proofs: tuple[TargetProof, ...]
    minimum_agreement: float
    description: dict[str, Any]

    @property
    def precision(self) -> str:
        """The precision, a key of converter.CONVERTERS."""
        return self.checked.precision

    @property
    def proofs(self) -> tuple[Proof, ...]:
        """The proofs, one for each available target."""
        return tuple(entry.proof for entry in self.target_proofs)


def prove(
    checked: CheckedFile,
    answers: ReferenceAnswers,
    golden: Golden,
    class_names: tuple[str, ...],
    *,
    environments: Sequence[Environment],
    minimum_agreement: float,
    say: Callable[[str], None],
) -> ProvedFile:
    """Run `checked` on all test images in each of `environments` and compare it with Keras's `answers`.

    The description gets a record of each proof, with the file's answers to the images of `golden`, which a device can
    repeat. Raises ExportError where the file does not run, or where its agreement is below `minimum_agreement`.
    """
    entries = []
    for environment in environments:
        name, count = environment.target.name, len(answers.images)
        say(f"proving {checked.precision} on {name} with {count:,} test images")
        outputs = _run(checked, class_names, answers, environment)
        comparison = proof.compare(outputs, answers.probabilities, answers.labels)
        check_agreement(comparison, checked.precision, minimum_agreement)
        entries.append(TargetProof(outputs, comparison))
    records = [_record(entry, golden) for entry in entries]
    return ProvedFile(
        checked=checked,
        target_proofs=tuple(entries),
        minimum_agreement=minimum_agreement,
        description={**checked.description, "proofs": records},
    )


def _run(
    checked: CheckedFile, class_names: tuple[str, ...], answers: ReferenceAnswers, environment: Environment
) -> Outputs:
    with tempfile.TemporaryDirectory(prefix="fmnist-export-") as folder:
        candidate = Path(folder, "candidate.tflite")
        flatbuffer = checked.converted.flatbuffer
        candidate.write_bytes(model_file.pack(flatbuffer.content, class_names, checked.description))
        return proof.run(candidate, answers.images, environment)


def _record(entry: TargetProof, golden: Golden) -> dict[str, Any]:
    """A proof for the model file: numbers in place of the list of images, and the answers that a device must repeat."""
    numbers = {name: value for name, value in entry.proof.as_json().items() if name != "disagreements"}
    classes = entry.outputs.classes
    golden_classes = classes[golden.indices]
    return {
        **numbers,
        "answers_sha256": answers_digest(classes),
        "golden": {
            "images": len(golden.indices),
            "disagreements": int((golden_classes != golden.expected).sum()),
            "otherwise": golden_differences(golden_classes, golden),
        },
    }
