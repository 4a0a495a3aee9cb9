"""The test images to which a file gives another class than Keras, each with the scores of both."""

from collections.abc import Iterator

from fmnist_export.report import numbers
from fmnist_export.report.content import ModelResult, Report, Run
from fmnist_export.report.formatting import enumeration, score
from fmnist_export.report.markup import Content, Markup, element, picture

# The largest number of images drawn for each file; the number of the others is stated.
MOST_IMAGES = 60


def disagreements(model: ModelResult, report: Report) -> Iterator[Content]:
    """The heading and the images, those first on which Keras is most confident."""
    yield element("h3", "Images that get another class than with Keras")
    where: dict[int, list[Run]] = {}
    for run in model.runs:
        for index in numbers.disagreements(run.classes, report.keras_probabilities).tolist():
            where.setdefault(index, []).append(run)
    if not where:
        yield element("p", element("span", "None: every image gets the same class as with Keras.", class_="good"))
        return
    highest = report.keras_probabilities.max(axis=1)
    order = sorted(where, key=lambda index: (-float(highest[index]), index))
    shown = order[:MOST_IMAGES]
    left_out = len(order) - len(shown)
    yield element(
        "p",
        f"{len(order):,} {'image' if len(order) == 1 else 'images'}, those first on which Keras is most confident"
        + (f"; {left_out:,} more are not shown." if left_out else "."),
        " All images are drawn dark on light.",
        "" if report.labels is None else " ✓ marks the true class.",
    )
    yield element("ul", *(_image(index, where[index], model, report) for index in shown), class_="images")


def _image(index: int, runs: list[Run], model: ModelResult, report: Report) -> Markup:
    label = None if report.labels is None else int(report.labels[index])
    names = report.class_names
    lines: list[Content] = [
        element("span", element("strong", f"#{index}"), "" if label is None else f" true class {names[label]}"),
        _answer("Keras", int(report.keras_classes[index]), report.keras_probabilities[index], label, names),
    ]
    equal: dict[tuple[int, str], list[Run]] = {}
    for run in runs:
        number = int(run.classes[index])
        equal.setdefault((number, score(float(run.probabilities[index][number]))), []).append(run)
    for (number, _), group in equal.items():
        who = model.precision if len(group) == len(model.runs) else enumeration([run.runtime for run in group])
        lines.append(_answer(who, number, group[0].probabilities[index], label, names))
    alt = f"Test image {index}" + ("" if label is None else f", true class {names[label]}")
    return element("li", picture(report.images[index], alt), element("div", *lines))


def _answer(who: str, number: int, scores: numbers.Floats, label: int | None, names: tuple[str, ...]) -> Markup:
    answer = f"{who}: {names[number]} {score(float(scores[number]))}"
    mark: list[Content] = [" ", element("b", "✓", class_="good")] if number == label else []
    return element("span", answer, *mark)
