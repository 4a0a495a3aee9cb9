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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from fmnist_benchmarks import calibration, machine, plotting, rungs
from fmnist_runtime import assumptions
from fmnist_runtime.classifier import Classifier
from fmnist_runtime.commandline import FILE, Command, backend_option, quiet_stderr, say_json, warn
from fmnist_runtime.dataset import DEBIAN_FOLDER, Split, read_test_split
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.files import make_folder
from fmnist_runtime.labels import CLASS_NAMES

_CLASSES = len(CLASS_NAMES)


@dataclass(frozen=True, eq=False)
class Answers:
    """What a model answered: the classes, (N,), their scores, (N,), and whether they are right, (N,)."""

    name: str
    model: str
    runtime: str
    classes: NDArray[np.int64]
    scores: NDArray[np.float64]
    right: NDArray[np.bool_]

    @property
    def accuracy(self) -> float:
        """The share of right answers."""
        return float(self.right.mean())


@dataclass(frozen=True)
class Pair:
    """Two classes, the lower number first, and by model how many images of the one got the other as answer.

    `there` counts images of the first class answered as the second, `back` the others.
    """

    first: int
    second: int
    there: tuple[int, ...]
    back: tuple[int, ...]

    @property
    def total(self) -> int:
        """Over all models."""
        return sum(self.there) + sum(self.back)

    @property
    def title(self) -> str:
        """Such as "T-shirt/top and Shirt"."""
        return f"{CLASS_NAMES[self.first]} and {CLASS_NAMES[self.second]}"


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
    from fmnist_benchmarks import error_figures

    paths = list(error_figures.save_all(output, test, found))
    document = summary(test, found)
    if as_json:
        say_json(document, indent=1)
        return
    click.echo(_text(document))
    for path in paths:
        click.echo(str(path))


def ask(name: str, path: Path, test: Split, backend: str) -> Answers:
    """What the model file answers to every image of `test`. Raises FmnistError where its classes are others."""
    warn(f"{name}: {len(test.labels):,} images")
    with quiet_stderr():
        classifier = Classifier(path, backend=backend)
    if len(classifier.labels) != _CLASSES:
        raise FmnistError(f"{path}: {len(classifier.labels)} classes, expected the {_CLASSES} of Fashion-MNIST")
    if classifier.output_kind == "unknown":
        raise FmnistError(f"{path}: its answers have no scores, which this is about; export a model with a softmax")
    for line in assumptions.pixel_lines(classifier):
        warn(line)
    with classifier:
        predictions = [classifier.classify(image) for image in test.images]
    classes = np.array([one.index for one in predictions], np.int64)
    scores = np.array([one.score for one in predictions], np.float64)
    return Answers(name, path.name, str(classifier.runtime), classes, scores, classes == test.labels)


def confusion(labels: NDArray[np.uint8], answers: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many images of each class (rows) got each answer (columns), (10, 10)."""
    counts: NDArray[np.int64] = np.zeros((_CLASSES, _CLASSES), np.int64)
    np.add.at(counts, (labels, answers), 1)
    return counts


def pairs(labels: NDArray[np.uint8], found: Sequence[Answers]) -> list[Pair]:
    """Every two classes that any model takes for each other, those first that are confused most."""
    counts = [confusion(labels, one.classes) for one in found]
    every = [
        Pair(
            first,
            second,
            tuple(int(one[first, second]) for one in counts),
            tuple(int(one[second, first]) for one in counts),
        )
        for first in range(_CLASSES)
        for second in range(first + 1, _CLASSES)
    ]
    return sorted((pair for pair in every if pair.total), key=lambda pair: -pair.total)


def examples(pair: Pair, labels: NDArray[np.uint8], answers: Answers, count: int) -> list[int]:
    """The numbers of at most `count` images of `pair` that `answers` takes for the other class, surest first."""
    two = (pair.first, pair.second)
    wrong = np.isin(labels, two) & np.isin(answers.classes, two) & ~answers.right
    numbers = np.flatnonzero(wrong)
    return [int(number) for number in numbers[np.argsort(-answers.scores[numbers], kind="stable")][:count]]


def all_fail(found: Sequence[Answers]) -> list[int]:
    """The numbers of the images that every model has wrong, those first of which they are surest (mean score)."""
    numbers = np.flatnonzero(~np.any([one.right for one in found], axis=0))
    scores = np.mean([one.scores for one in found], axis=0)[numbers]
    return [int(number) for number in numbers[np.argsort(-scores, kind="stable")]]


def best(found: Sequence[Answers]) -> Answers:
    """The most accurate; of equal ones the first."""
    return max(found, key=lambda one: one.accuracy)


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
                zip(CLASS_NAMES, np.bincount(test.labels[failed], minlength=_CLASSES).tolist(), strict=True)
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
