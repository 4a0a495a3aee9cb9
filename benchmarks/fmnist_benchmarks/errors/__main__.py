"""Where the models are wrong, as pictures: python -m fmnist_benchmarks.errors MODEL.tflite... -o DIR [--json].

MODEL is what fmnist_benchmarks.frontier takes: a .tflite file, a folder of fmnist-export, a shipped model's name, with
NAME= before it or not. Every model answers the 10,000 test images on the interpreter at hand; no tensorflow. Written:

    confusion-NAME.png  classes by answers, for each model
    pairs.png           which two classes are taken for each other, and how often, by model
    pair-examples.png   images of the worst pairs with what the best model answers, and its score
    all-fail.png        images that every model gets wrong, the surest mistakes first
    calibration.png     what scores are worth: share of right answers by score, with the expected calibration error

Nothing here may be used to choose a model, a seed or an epoch: these are test images.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np

from fmnist_benchmarks.errors import calibration, figures
from fmnist_benchmarks.errors.answers import CLASSES, Answers, all_fail, confusion, pairs
from fmnist_benchmarks.frontier import models as rungs
from fmnist_benchmarks.measure import machine
from fmnist_benchmarks.output import plotting
from fmnist_runtime import assumptions
from fmnist_runtime.classifier import Classifier
from fmnist_runtime.commandline import FILE, Command, backend_option, print_json, quiet_stderr, warn
from fmnist_runtime.data.fashion_mnist_files import DEBIAN_FOLDER, Split, read_test_split
from fmnist_runtime.data.fashion_mnist_labels import CLASS_NAMES
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.system.atomic import make_folder


@click.command("fmnist_benchmarks.errors", cls=Command)
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("-o", "--output", type=FILE, required=True, metavar="DIR", help="Where the pictures go.")
@click.option("--data", type=FILE, default=DEBIAN_FOLDER, show_default=True, help="The folder of the data set.")
@backend_option
@click.option("--json", "as_json", is_flag=True, help="The summary as one JSON document on standard output.")
def main(models: tuple[str, ...], output: Path, data: Path, backend: str, as_json: bool) -> None:
    """Draw where MODELs are wrong on the 10,000 test images, and what their scores are worth."""
    plotting.pyplot()  # what is missing is said now, and not after the answers
    make_folder(output)
    test = read_test_split(data)
    found = [ask(name, path, test, backend) for name, path in rungs.titles(rungs.find(models))]
    paths = list(figures.save_all(output, test, found))
    document = summary(test, found)
    if as_json:
        print_json(document, indent=1)
        return
    click.echo(_text(document))
    for path in paths:
        click.echo(str(path))


def ask(name: str, path: Path, test: Split, backend: str) -> Answers:
    """What the model file answers to every image of `test`. Raises FmnistError where its classes are others."""
    warn(f"{name}: {len(test.labels):,} images")
    with quiet_stderr():
        classifier = Classifier(path, backend=backend)
    if len(classifier.labels) != CLASSES:
        raise FmnistError(f"{path}: {len(classifier.labels)} classes, expected the {CLASSES} of Fashion-MNIST")
    if classifier.output_kind == "unknown":
        raise FmnistError(f"{path}: its answers have no scores, which this is about; export a model with a softmax")
    for line in assumptions.pixel_lines(classifier):
        warn(line)
    with classifier:
        predictions = [classifier.classify(image) for image in test.images]
    classes = np.array([one.index for one in predictions], np.int64)
    scores = np.array([one.score for one in predictions], np.float64)
    return Answers(name, path.name, str(classifier.runtime), classes, scores, classes == test.labels)


def summary(test: Split, found: Sequence[Answers]) -> dict[str, Any]:
    """The document of this command."""
    failed = all_fail(found)
    return {
        "machine": machine.describe(),
        "images": len(test.labels),
        "models": [_model(test, one) for one in found],
        "pairs": [
            {
                "classes": [CLASS_NAMES[pair.first], CLASS_NAMES[pair.second]],
                "there": dict(zip((one.name for one in found), pair.there, strict=True)),
                "back": dict(zip((one.name for one in found), pair.back, strict=True)),
            }
            for pair in pairs(test.labels, found)
        ],
        "all_fail": {
            "count": len(failed),
            "by_class": dict(
                zip(CLASS_NAMES, np.bincount(test.labels[failed], minlength=CLASSES).tolist(), strict=True)
            ),
            "indices": failed,
        },
    }


def _model(test: Split, one: Answers) -> dict[str, Any]:
    bins = calibration.reliability(one.scores, one.right)
    return {
        "name": one.name,
        "model": one.model,
        "runtime": one.runtime,
        "accuracy": one.accuracy,
        "errors": int((~one.right).sum()),
        "mean_score": float(one.scores.mean()),
        "expected_calibration_error": calibration.expected_error(bins),
        "bins": [asdict(entry) for entry in bins],
        "confusion": confusion(test.labels, one.classes).tolist(),
    }


def _text(document: dict[str, Any]) -> str:
    lines = [f"{'model':<24}{'accuracy':>9}{'errors':>8}{'mean score':>12}{'ECE':>8}"]
    lines += [
        f"{one['name']:<24}{one['accuracy']:>9.4f}{one['errors']:>8,}{one['mean_score']:>12.4f}"
        f"{one['expected_calibration_error']:>8.4f}"
        for one in document["models"]
    ]
    worst = document["pairs"][0]
    times = sum(worst["there"].values()) + sum(worst["back"].values())
    lines.append(f"worst pair: {' and '.join(worst['classes'])}, {times:,} times over all models")
    lines.append(f"wrong in every model: {document['all_fail']['count']:,} images")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
