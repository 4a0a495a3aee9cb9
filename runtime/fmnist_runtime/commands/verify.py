"""fmnist-verify: check that a model gives its recorded answers on this machine. Needs the base install alone."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fmnist_runtime.commandline import (
    FILE,
    FOLDER,
    Command,
    Example,
    backend_option,
    pixel_options,
    print_json,
    print_text,
    quiet_stderr,
    warn,
)
from fmnist_runtime.commandline.completion import complete_model
from fmnist_runtime.commandline.output import wrap
from fmnist_runtime.model.shipped import SHIPPED

if TYPE_CHECKING:
    from fmnist_runtime.classifier import Classifier
    from fmnist_runtime.device.verification import Verification
    from fmnist_runtime.images.pixel_range import PixelRange
    from fmnist_runtime.model.golden import Golden

_EXAMPLES = (
    Example("a shipped model", "fmnist-verify cnn-micro"),
    Example("your own, with model-golden.npz beside it", "fmnist-verify model-int8.tflite"),
    Example("on all 10,000 test images", "fmnist-verify model-int8.tflite --data fashion-mnist/"),
)


@click.command("fmnist-verify", cls=Command, examples=_EXAMPLES, epilog=f"Shipped models: {', '.join(SHIPPED)}.")
@click.argument("model", metavar="MODEL.tflite", shell_complete=complete_model)
@click.option("--golden", type=FILE, metavar="FILE", help="The golden file.  [default: <stem>-golden.npz beside MODEL]")
@click.option(
    "--data",
    "data_folder",
    type=FOLDER,
    metavar="DIR",
    help="Use all test images in this folder of IDX files, those of the data set that MODEL was proved on.",
)
@pixel_options
@backend_option
@click.option("--json", "as_json", is_flag=True, help="The result as one JSON document on standard output.")
def main(
    model: str,
    golden: Path | None,
    data_folder: Path | None,
    pixels: "PixelRange | None",
    backend: str,
    as_json: bool,
) -> int:
    """Check that MODEL.tflite, or a shipped model given by name, gives its recorded answers on this machine.

    Uses the images of the golden file that fmnist-export wrote beside the model: the hardest test images, on which a
    wrong answer shows first, with Keras's answers. With --data, or where there is no golden file and the data set is
    installed, uses the 10,000 test images.

    The exit code is 1 where more answers differ from Keras's than the proof in the file allows, or where more than one
    golden image in ten has another answer than the one recorded.
    """
    from fmnist_runtime import assumptions
    from fmnist_runtime.classifier import Classifier

    with quiet_stderr():
        classifier = Classifier(model, backend=backend, pixels=pixels)
    for line in assumptions.pixel_lines(classifier, only_assumed=as_json):
        warn(line)
    images = _read_golden(classifier, golden)
    result = _verify(classifier, images, data_folder)
    if as_json:
        print_json(result.as_json(), indent=1)
    else:
        hardest = "hardest " if data_folder is None and images is not None else ""
        _print_result(result, f"{result.images:,} {hardest}test images", classifier.runtime.reason)
    if not result.passed:
        warn(f"fmnist-verify: {result.model}: {result.reason}; do not use it here, export it for this runtime")
    return 0 if result.passed else 1


def _read_golden(classifier: "Classifier", path: Path | None) -> "Golden | None":
    """The golden file at `path`, else the one beside the model; None where there is none."""
    from fmnist_runtime.model import golden

    found = path or golden.find(classifier.model)
    return golden.read(found) if found else None


def _verify(classifier: "Classifier", golden: "Golden | None", data_folder: Path | None) -> "Verification":
    from fmnist_runtime.data import fashion_mnist_files, idx_folder
    from fmnist_runtime.device import board, verification
    from fmnist_runtime.errors import NoProofError

    machine = board.title()
    if data_folder is None and golden is not None:
        return verification.verify_golden(classifier, golden, machine)
    folder = data_folder or fashion_mnist_files.DEBIAN_FOLDER
    if data_folder is None and not folder.is_dir():
        raise NoProofError(
            f"{classifier.model}: no golden file beside it and no data set in {folder}; "
            f"give --golden FILE or --data DIR"
        )
    return verification.verify_data(classifier, idx_folder.read_test(folder), golden, machine)


def _print_result(result: "Verification", images: str, runtime: str) -> None:
    """Print what ran where, the agreement, and at last the verdict with its reason."""
    print_text(wrap(f"{result.model} on {runtime}, {result.machine}"))
    if result.agreement is not None:
        print_text(f"agreement {result.agreement:.4f} with Keras on the {images}, ties {result.ties}")
    print_text(wrap(f"{'passed' if result.passed else 'failed'}: {result.reason}"))
