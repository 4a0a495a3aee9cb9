"""The section of one exported file: agreement by class, drift, the images that differ, its explanation and details."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from fmnist_export.report import numbers
from fmnist_export.report.content import ModelResult, Report, Run
from fmnist_export.report.details import details, explanation
from fmnist_export.report.disagreements import disagreements
from fmnist_export.report.formatting import enumeration, percent, share, whole_percent
from fmnist_export.report.markup import Content, element, histogram, table, whisker

# A drift below this is float32's own rounding, which no histogram shows.
_NO_DRIFT = 1e-5


def sections(model: ModelResult, report: Report) -> Iterator[Content]:
    """All parts of the section on `model`, the heading first."""
    yield element("h2", f"{model.precision}: {model.name}")
    if model.minimum_agreement is not None and model.runs:
        yield element("p", f"Required: agreement of at least {percent(model.minimum_agreement)} on each runtime.")
    for missing in model.missing_proofs:
        yield element("p", f"Not proved on {missing.target}: {missing.reason}", class_="warn")
    if model.runs:
        yield from _classes(model, report)
        yield from _drift(model.runs, report)
        yield from disagreements(model, report)
    if model.explanation is not None:
        yield from explanation(model.explanation)
    yield from details(model)


def _classes(model: ModelResult, report: Report) -> Iterator[Content]:
    """Agreement by class: a column group for each runtime; runtimes that differ on the same images share one."""
    yield element("h3", "Agreement by class")
    # Where the true classes are unknown, Keras's.
    grouping = report.keras_classes if report.labels is None else report.labels
    groups = _equal_runs(model.runs, report)
    hits = [group[0].classes == report.keras_classes for group in groups]
    columns = [numbers.by_class(hit, grouping, len(report.class_names)) for hit in hits]
    start = _axis_start(min(found.interval[0] for column in columns for found in column if found.total))
    rows = _class_rows(report.class_names, hits, columns)
    head: list[Content] = ["Keras's class" if report.labels is None else "true class"]
    for group in groups:
        head += ["differ", enumeration([run.name for run in group]), f"{whole_percent(start)} to 100 %"]
    cells = [
        [
            name,
            *(
                cell
                for found in shares
                for cell in (f"{found.total - found.count:,}", share(found), _drawn(found, start))
            ),
        ]
        for name, shares in rows
    ]
    caption = (
        "The share of each class's test images on which the file gives the same class as Keras, with 95 % intervals."
    )
    yield table(head, cells, label="Agreement by class", caption=caption)


def _equal_runs(runs: Sequence[Run], report: Report) -> list[list[Run]]:
    """`runs`, those together that disagree with Keras on the same images."""
    groups: dict[bytes, list[Run]] = {}
    for run in runs:
        groups.setdefault((run.classes == report.keras_classes).tobytes(), []).append(run)
    return list(groups.values())


def _class_rows(
    names: Sequence[str], hits: Sequence[NDArray[np.bool_]], columns: Sequence[Sequence[numbers.Share]]
) -> list[tuple[str, list[numbers.Share]]]:
    """A row for each class with a disagreement, one for all other classes together, and one for the whole."""
    differ = [n for n in range(len(names)) if any(column[n].count < column[n].total for column in columns)]
    rows = [(names[number], [column[number] for column in columns]) for number in differ]
    others = [number for number in range(len(names)) if number not in differ]
    if not differ:
        return [(f"all {len(names)} classes", [numbers.Share(int(hit.sum()), len(hit)) for hit in hits])]
    if others:
        totals = [sum(column[number].total for number in others) for column in columns]
        name = names[others[0]] if len(others) == 1 else f"the other {len(others)} classes"
        rows.append((name, [numbers.Share(total, total) for total in totals]))
    return [*rows, ("all", [numbers.Share(int(hit.sum()), len(hit)) for hit in hits])]


def _axis_start(lowest: float) -> float:
    """A round share at or below `lowest`, so that the intervals fill their drawing."""
    return max(0.0, min(0.99, math.floor(lowest * 100 - 1e-9) / 100))


def _drawn(found: numbers.Share, start: float) -> Content:
    return whisker(found.interval[0], found.value, found.interval[1], start, 1.0) if found.total else ""


def _drift(runs: Sequence[Run], report: Report) -> Iterator[Content]:
    """A sentence and a histogram for the drift on each runtime; runtimes with the same numbers share them."""
    yield element("h3", "Confidence drift")
    equal: dict[str, list[tuple[Run, numbers.Drift]]] = {}
    for run in runs:
        drift = numbers.drift(run.probabilities, report.keras_probabilities)
        equal.setdefault(_drift_text(run, drift), []).append((run, drift))
    for text, entries in equal.items():
        where = enumeration([run.name for run, _ in entries])
        yield element("p", f"On {where}: {text}")
        drift = entries[0][1]
        if drift.largest > _NO_DRIFT:
            yield histogram(drift.differences, f"Change of the highest score on {where}; the counts are logarithmic")
            yield element("p", "Change of the highest score; counts on a logarithmic scale.", class_="quiet")


def _drift_text(run: Run, drift: numbers.Drift) -> str:
    ties = f"{run.ties:,} {'tie' if run.ties == 1 else 'ties'} at the top."
    if drift.largest <= _NO_DRIFT:
        return f"the highest score differs from Keras's by less than 0.00001, float32's own rounding. {ties}"
    return (
        f"the highest score minus Keras's highest is {drift.mean:+.2g} on average. Without sign it is "
        f"{drift.median:.2g} at the median, {drift.p95:.2g} at the 95th percentile and {drift.largest:.2g} at most. "
        f"{ties}"
    )
