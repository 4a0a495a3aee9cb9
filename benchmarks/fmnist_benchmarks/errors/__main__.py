"""The errors of models as figures: python -m fmnist_benchmarks.errors MODEL.tflite... -o DIR [--json].

MODEL is as for fmnist_benchmarks.frontier: a .tflite file, a folder of fmnist-export or a shipped model's name, with or
without NAME= in front. Every model classifies the 10,000 test images on the installed interpreter, without tensorflow.
The figures:

    confusion-NAME.png  the confusion matrix of each model
    pairs.png           the most confused pairs of classes, by model
    pair-examples.png   images of the most confused pairs with the best model's predictions and scores
    all-fail.png        images that every model gets wrong, the highest mean score first
    calibration.png     the share of right predictions by score, with the expected calibration error

Don't use them to choose a model, a seed or an epoch: these are test images.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np

from fmnist_benchmarks.errors import calibration, figures
from fmnist_benchmarks.errors.predictions import CLASSES, Predictions, confused_pairs, confusion, failed_by_all
from fmnist_benchmarks.frontier import candidates
from fmnist_benchmarks.measure import machine
from fmnist_benchmarks.output import plotting
from fmnist_runtime import assumptions
from fmnist_runtime.classifier import Classifier
from fmnist_runtime.commandline import FILE, Command, backend_option, print_json, quiet_stderr, warn
from fmnist_runtime.data.dataset import Split
from fmnist_runtime.data.fashion_mnist_files import DEBIAN_FOLDER, read_test_split
from fmnist_runtime.data.fashion_mnist_labels import CLASS_NAMES
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.system.atomic import make_folder


@click.command("fmnist_benchmarks.errors", cls=Command)
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("-o", "--output", type=FILE, required=True, metavar="DIR", help="The folder for the figures.")
@click.option("--data", type=FILE, default=DEBIAN_FOLDER, show_default=True, help="The folder of the data set.")
@backend_option
@click.option("--json", "as_json", is_flag=True, help="The summary as one JSON document on standard output.")
def main(models: tuple[str, ...], output: Path, data: Path, backend: str, as_json: bool) -> None:
    """Draw the errors of MODELs on the 10,000 test images, and the calibration of their scores."""
    plotting.pyplot()  # fails now, before the predictions, where matplotlib is missing
    make_folder(output)
    test = read_test_split(data)
    found = [predict(name, path, test, backend) for name, path in candidates.titled_files(candidates.resolve(models))]
    paths = list(figures.save_all(output, test, found))
    document = summary(test, found)
    if as_json:
        print_json(document, indent=1)
        return
    click.echo(_text(document))
    for path in paths:
        click.echo(str(path))


def predict(name: str, path: Path, test: Split, backend: str) -> Predictions:
    """The predictions of the model file on `test`. Raises FmnistError where it has other classes or no scores."""
    warn(f"{name}: {len(test.labels):,} images")
    with quiet_stderr():
        classifier = Classifier(path, backend=backend)
    if len(classifier.labels) != CLASSES:
        raise FmnistError(f"{path}: {len(classifier.labels)} classes, expected the {CLASSES} of Fashion-MNIST")
    if classifier.output_kind == "unknown":
        raise FmnistError(f"{path}: its outputs are no probabilities, expected scores; export a model with a softmax")
    for line in assumptions.pixel_lines(classifier):
        warn(line)
    with classifier:
        predictions = [classifier.classify(image) for image in test.images]
    classes = np.array([one.index for one in predictions], np.int64)
    scores = np.array([one.score for one in predictions], np.float64)
    return Predictions(name, path.name, str(classifier.runtime), classes, scores, classes == test.labels)


def summary(test: Split, models: Sequence[Predictions]) -> dict[str, Any]:
    """The document of this command."""
    failed = failed_by_all(models)
    names = [one.name for one in models]
    return {
        "machine": machine.describe(),
        "images": len(test.labels),
        "models": [_model(test, one) for one in models],
        "pairs": [
            {
                "classes": [CLASS_NAMES[pair.first], CLASS_NAMES[pair.second]],
                "first_as_second": dict(zip(names, pair.first_as_second, strict=True)),
                "second_as_first": dict(zip(names, pair.second_as_first, strict=True)),
            }
            for pair in confused_pairs(test.labels, models)
        ],
        "all_fail": {
            "count": len(failed),
            "by_class": dict(
                zip(CLASS_NAMES, np.bincount(test.labels[failed], minlength=CLASSES).tolist(), strict=True)
            ),
            "indices": failed,
        },
    }


def _model(test: Split, one: Predictions) -> dict[str, Any]:
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
    times = sum(worst["first_as_second"].values()) + sum(worst["second_as_first"].values())
    lines.append(f"most confused pair: {' and '.join(worst['classes'])}, {times:,} times over all models")
    lines.append(f"wrong in all models: {document['all_fail']['count']:,} images")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
