"""The top of the page: the verdict, and agreement, accuracy and latency of each file."""

from fmnist_export.report import numbers
from fmnist_export.report.content import ModelResult, Report, Run
from fmnist_export.report.formatting import code, enumeration, latency, percent, share, size
from fmnist_export.report.markup import Content, Markup, element


def overview(report: Report) -> list[Content]:
    """Everything above the first table; it fits the screen of a phone where one or two files were exported."""
    return [
        element("p", "fmnist-edge export report", class_="quiet"),
        element("h1", report.source),
        _verdict(report),
        element(
            "nav", *(_card(number, report) for number in range(len(report.models))), class_="cards", aria_label="Files"
        ),
        *_reading_help(report),
    ]


def _keras_accuracy(report: Report) -> str:
    """A sentence on the accuracy of the Keras model."""
    if report.labels is None:
        return "The true classes are unknown, so there is no accuracy."
    return f"Accuracy of Keras itself: {share(numbers.accuracy(report.keras_classes, report.labels))}."


def _verdict(report: Report) -> Markup:
    """Whether every file reached the required agreement on every target."""
    failed = [model.precision for model in report.models if not _is_agreement_reached(model, report)]
    incomplete = [model.precision for model in report.models if model.missing_proofs or not model.runs]
    names = list(dict.fromkeys(run.name for model in report.models for run in model.runs))
    if failed:
        word, rest, kind = "Failed", f"{enumeration(failed)} agrees with Keras less than required.", "warn"
    elif incomplete:
        targets = sorted({entry.target for model in report.models for entry in model.missing_proofs})
        where = f" on {enumeration(targets)}" if targets else ""
        word, rest, kind = "Not fully proved", f"{enumeration(incomplete)} could not be run{where}.", "warn"
    elif names:
        word, rest, kind = "Passed", f"every file agrees with Keras as required on {enumeration(names)}.", "good"
    else:
        word, rest, kind = "Nothing proved", "no file was exported.", "warn"
    return element("p", element("strong", f"{word}: ", class_=kind), rest, class_="verdict")


def _is_agreement_reached(model: ModelResult, report: Report) -> bool:
    shares = [numbers.agreement(run.classes, report.keras_probabilities).value for run in model.runs]
    return model.minimum_agreement is None or all(value >= model.minimum_agreement for value in shares)


def _card(number: int, report: Report) -> Markup:
    """One file at a glance, with a link to its section; runtimes with the same figures share a line."""
    model = report.models[number]
    lines: list[Content] = [
        element(
            "span",
            element("strong", model.precision),
            element("span", size(model.bytes), class_="quiet"),
            class_="title",
        )
    ]
    equal: dict[tuple[tuple[str, str], ...], list[Run]] = {}
    for run in model.runs:
        equal.setdefault(_shares(run, report), []).append(run)
    for shares, runs in equal.items():
        lines.append(_figures(shares, runs, has_names=len(model.runs) > 1))
        agreement = numbers.agreement(runs[0].classes, report.keras_probabilities)
        differ = agreement.total - agreement.count
        if differ:
            lines.append(element("span", f"{differ:,} of {agreement.total:,} differ from Keras", class_="quiet"))
    if not model.runs:
        lines.append(element("span", "not proved", class_="warn"))
    lines += [element("span", f"not proved on {entry.target}", class_="warn") for entry in model.missing_proofs]
    return element("a", *lines, href=f"#file-{number}", class_="card")


def _shares(run: Run, report: Report) -> tuple[tuple[str, str], ...]:
    """Agreement and accuracy, each with its name."""
    agreement = percent(numbers.agreement(run.classes, report.keras_probabilities).value)
    if report.labels is None:
        return ((agreement, "agreement"),)
    return (agreement, "agreement"), (percent(numbers.accuracy(run.classes, report.labels).value), "accuracy")


def _figures(shares: tuple[tuple[str, str], ...], runs: list[Run], *, has_names: bool) -> Markup:
    """The shares of `runs` and the latency of each; with the names of the runtimes where a file has several."""
    times = [
        (latency(run.seconds), f"latency, {run.name}" if has_names else "latency")
        for run in runs
        if run.seconds is not None
    ]
    cells = [element("span", element("b", value), element("span", label)) for value, label in (*shares, *times)]
    title = element("span", enumeration([run.name for run in runs]), class_="quiet") if has_names else ""
    return element(
        "span", title, element("span", *cells, class_="figures in-pairs" if has_names else "figures"), class_="run"
    )


def _reading_help(report: Report) -> list[Content]:
    """What the figures on the cards are, and how to get the latency of a device."""
    lines: list[Content] = [
        element(
            "p",
            f"Agreement: the share of the {len(report.images):,} test images on which the file gives the same class as "
            f"Keras. {_keras_accuracy(report)}",
            class_="quiet",
        )
    ]
    proved = [model for model in report.models if model.runs]
    if not proved:
        return lines
    command = code(f"fmnist-benchmark {proved[-1].name}")
    if any(run.seconds is not None for model in proved for run in model.runs):
        machine = f" ({report.machine})" if report.machine else ""
        text = (
            f"Latency: the mean time for a test image during the proof, on the computer that exported the "
            f"files{machine}, whatever else it was doing. For the latency on a device, run there: "
        )
    else:
        text = "The export has no measurement of the latency. For the latency on a device, run there: "
    return [*lines, element("p", text, command, class_="quiet")]
