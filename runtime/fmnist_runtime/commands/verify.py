"""fmnist-verify: does a model file answer on this machine as it was proved? On the device, with the base install."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fmnist_runtime.commandline import FILE, Command, backend_option, pixel_options, quiet_stderr, say, say_json, warn
from fmnist_runtime.model.shipped import SHIPPED

if TYPE_CHECKING:
    from fmnist_runtime.classifier import Classifier
    from fmnist_runtime.device.verification import Verification
    from fmnist_runtime.images.pixel_range import PixelRange


@click.command("fmnist-verify", cls=Command, epilog=f"Shipped models: {', '.join(SHIPPED)}.")
@click.argument("model", metavar="MODEL.tflite")
@click.option("--golden", type=FILE, metavar="FILE", help="The golden file.  [default: <stem>-golden.npz beside MODEL]")
@click.option(
    "--data",
    "data_folder",
    type=FILE,
    metavar="DIR",
    help="Ask all test images in this folder of IDX files, of the data set that MODEL was proved on.",
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
    """Check that MODEL.tflite, or the shipped model of that name, gives on this machine the answers that were proved.

    Asks the images of the golden file that fmnist-export wrote beside the model: those on which a wrong answer shows
    first, with Keras's answers. With --data, or where there is no golden file and the data set is installed, asks the
    10,000 test images. Exit code 1 if more answers differ than the proof inside the file allows.
    """
    from fmnist_runtime import assumptions
    from fmnist_runtime.classifier import Classifier

    with quiet_stderr():
        classifier = Classifier(model, backend=backend, pixels=pixels)
    for line in assumptions.pixel_lines(classifier, only_assumed=as_json):
        warn(line)
    result = _verify(classifier, golden, data_folder)
    if as_json:
        say_json(result.as_json(), indent=1)
    else:
        say(f"{result.model} on {classifier.runtime.reason}, {result.machine}")
        agreement = "" if result.agreement is None else f", agreement {result.agreement:.4f}, ties {result.ties}"
        say(f"{result.reason}{agreement}")
        say("passed" if result.passed else "FAILED")
    if not result.passed:
        warn(f"fmnist-verify: {result.model}: {result.reason}; do not use it here, export it for this runtime")
    return 0 if result.passed else 1


def _verify(classifier: "Classifier", golden: Path | None, data_folder: Path | None) -> "Verification":
    from fmnist_runtime.data import fashion_mnist_files, idx_folder
    from fmnist_runtime.device import board, verification
    from fmnist_runtime.errors import NoProofError
    from fmnist_runtime.model import golden as golden_file

    machine = board.title()
    path = golden or golden_file.find(classifier.model)
    images = golden_file.read(path) if path else None
    if data_folder is None and images is not None:
        return verification.verify_golden(classifier, images, machine)
    folder = data_folder or fashion_mnist_files.DEBIAN_FOLDER
    if data_folder is None and not folder.is_dir():
        raise NoProofError(
            f"{classifier.model}: no golden file beside it and no data set in {folder}; "
            f"give --golden FILE or --data DIR"
        )
    return verification.verify_data(classifier, idx_folder.read_test(folder), images, machine)
