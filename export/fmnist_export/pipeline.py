"""The line of an export: each value is built once, from the one before.

    Keras file -> LoadedModel        the model with its pixel range and its classes     source.loaded_model
               -> ReferenceAnswers   Keras's answers to the test images                 source.reference_answers
               -> ConvertedFile      a flatbuffer with its parsed graph                 convert.converted_file
               -> CheckedFile        every target accepts it; its description           prove.checked_file
               -> ProvedFile         a proof on every available target                  prove.proved_file
               -> PublishedFile      the model file on disk, all files or none          publication

tensorflow runs in this process; the interpreters that prove the files run in others.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from fmnist_export import publication
from fmnist_export.convert.converted_file import ConvertedFile, convert_model
from fmnist_export.explain import explanation
from fmnist_export.explain.result import Explanation
from fmnist_export.prove import environments, golden, targets
from fmnist_export.prove.agreement import required_agreement
from fmnist_export.prove.checked_file import CheckedFile, check_file
from fmnist_export.prove.environments import Environments
from fmnist_export.prove.proved_file import prove
from fmnist_export.publication import PublishedFile
from fmnist_export.source import loaded_model, reference_answers, training_record
from fmnist_export.source.loaded_model import NOTHING_STATED, LoadedModel, Statement
from fmnist_runtime.data.dataset import Dataset
from fmnist_runtime.errors import ExportError
from fmnist_runtime.system.atomic import make_folder

Say = Callable[[str], None]
ShowExplanation = Callable[[Explanation], None]


def export(
    path: Path,
    folder: Path,
    dataset: Dataset,
    *,
    precisions: Sequence[str] = ("float32",),
    target_names: Sequence[str] = (),
    stated: Statement = NOTHING_STATED,
    minimum_agreement: float | None = None,
    golden_images: int = golden.IMAGES,
    show_explanation: ShowExplanation | None = None,
    say: Say = lambda _: None,
) -> list[PublishedFile]:
    """Convert the Keras model in `path` to each of `precisions`, prove every file, and publish all of them to `folder`.

    Every file is checked for every target of `target_names` (see targets.select) and proved on each target whose
    interpreter is here or can be installed. The files are published only where each agrees with Keras everywhere on at
    least `minimum_agreement` of the test images (by default the share of its precision, see prove.agreement). Otherwise
    this raises ExportError and leaves `folder` as it was. `stated` is what the user states about the model (see
    loaded_model.load, which raises where something cannot be determined).

    With `show_explanation` every int8 file is explained (see explain.explanation), and the function gets each
    explanation before the file is proved. `say` gets a line for each step. The folder also gets report.html and the
    golden file, with `golden_images` images.

    Where the folder of `path` has the training.json of this very model, the files record how it was trained.
    """
    required_targets = targets.select(target_names)
    make_folder(folder)
    installed = environments.install_all(required_targets, say)
    loaded = loaded_model.load(path, dataset, stated, say)
    answers = reference_answers.compute(loaded, dataset, stated, say)
    golden_file = golden.select(answers, loaded.sha256, golden_images)
    training = None
    if loaded.record is not None:
        training = training_record.summary_for_file(loaded.record, loaded.versions, say)

    def checked_file(precision: str) -> CheckedFile:
        converted = convert_model(loaded, precision, dataset.train, say)
        return check_file(converted, loaded, dataset, required_targets=required_targets, training=training)

    # Every file is checked before any is run: a target may refuse one whether its interpreter is available or not.
    checked_files = [checked_file(precision) for precision in precisions]
    _require_environment(installed)
    proved_files, explanations = [], {}
    for checked in checked_files:
        found = _explain(checked.converted, loaded, dataset, show_explanation, say)
        if found is not None:
            explanations[checked.precision] = found
        proved_files.append(
            prove(
                checked,
                answers,
                golden_file,
                loaded.class_names,
                environments=installed.available,
                minimum_agreement=required_agreement(checked.precision, loaded.half_precision, minimum_agreement),
                say=say,
            )
        )
    return publication.publish(
        proved_files,
        folder,
        loaded,
        answers,
        golden=golden_file,
        explanations=explanations,
        missing=installed.missing,
    )


def _require_environment(installed: Environments) -> None:
    if not installed.available:
        reasons = "; ".join(f"{entry.target}: {entry.reason}" for entry in installed.missing)
        raise ExportError(f"no target's interpreter is available here, so nothing is proved or exported ({reasons})")


def _explain(
    converted: ConvertedFile, loaded: LoadedModel, dataset: Dataset, show: ShowExplanation | None, say: Say
) -> Explanation | None:
    """The explanation of an int8 file, shown by `show`; None for other precisions and without `show`."""
    if show is None or converted.precision not in explanation.PRECISIONS:
        return None
    say(f"explaining {converted.precision} on held-out training images")
    found = explanation.explain_file(converted, loaded, dataset.train)
    show(found)
    return found
