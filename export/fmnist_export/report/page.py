"""report.html: the files of an export and how well each answers, as one page that works offline.

The page contains its style sheet and its images and no script; its content security policy forbids it to load anything.
The same Report gives the same bytes.
"""

from importlib import resources

from fmnist_export.report import numbers
from fmnist_export.report.content import ModelResult, Report, Run
from fmnist_export.report.formatting import NONE, code, json_text, latency, share, whole_percent
from fmnist_export.report.markup import Content, Markup, element, join, table
from fmnist_export.report.overview import overview
from fmnist_export.report.sections import sections

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def html(report: Report) -> str:
    """The page as text, for UTF-8. Every name and label in `report` is escaped."""
    style = Markup(resources.files(__package__).joinpath("report.css").read_text("utf-8"))
    title = f"{report.source}: export report"
    page = element(
        "html",
        element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
            element("title", title),
            element("link", rel="icon", href="data:,"),
            element("style", style),
        ),
        element("body", element("header", *overview(report)), element("main", *_body(report))),
        lang="en",
    )
    return f"<!doctype html>\n{page}\n"


def _body(report: Report) -> list[Content]:
    parts: list[Content] = [element("h2", "All files")]
    parts.append(_summary(report) if report.models else element("p", "No file was exported."))
    for number, model in enumerate(report.models):
        parts.append(element("section", *sections(model, report), id=f"file-{number}"))
    parts.append(element("section", *_provenance(report)))
    return parts


def _summary(report: Report) -> Markup:
    largest = max((model.bytes for model in report.models), default=0)
    rows = [
        [model.precision, name, *figures, f"{model.bytes:,} ({whole_percent(model.bytes / largest)})"]
        for model in report.models
        for name, figures in _runtime_rows(model, report)
    ]
    head = ["file", "runtime", "agreement", "accuracy", "latency", "ties", "drift, 95 %", "bytes (of largest)"]
    caption = (
        "Shares with 95 % intervals (Wilson, 1927). A tie: two classes share the highest output. Drift: on 95 % of the "
        "images the highest score differs from Keras's by at most this."
    )
    return table(head, rows, label="All files", caption=caption, text=2)


def _runtime_rows(model: ModelResult, report: Report) -> list[tuple[Content, list[Content]]]:
    """The runtimes of a file with their figures; runtimes whose figures are equal, but for the latency, share a row."""
    equal: dict[tuple[str, ...], list[Run]] = {}
    for run in model.runs:
        drift = numbers.drift(run.probabilities, report.keras_probabilities)
        agreement = share(numbers.agreement(run.classes, report.keras_probabilities))
        accuracy = NONE if report.labels is None else share(numbers.accuracy(run.classes, report.labels))
        equal.setdefault((agreement, accuracy, f"{run.ties:,}", f"{drift.p95:.2g}"), []).append(run)
    rows: list[tuple[Content, list[Content]]] = [
        (
            _lines([run.name for run in runs]),
            [agreement, accuracy, _lines([latency(run.seconds) for run in runs]), ties, drift],
        )
        for (agreement, accuracy, ties, drift), runs in equal.items()
    ]
    without = [entry.target for entry in model.missing_proofs] or ([] if model.runs else [NONE])
    return rows + [(target, [element("span", "not proved", class_="warn"), "", "", "", ""]) for target in without]


def _lines(parts: list[str]) -> Markup:
    """The parts below each other in one cell."""
    first, *rest = parts
    return join([first, *(part for text in rest for part in (element("br"), text))])


def _provenance(report: Report) -> list[Content]:
    facts: list[tuple[str, Content]] = [
        ("Keras file", report.source),
        ("its SHA-256", code(report.source_sha256)),
        ("input", report.scaling),
        ("classes", ", ".join(report.class_names)),
        ("test images", f"{len(report.images):,}"),
        *((name, version) for name, version in sorted(report.versions.items())),
    ]
    parts: list[Content] = [element("h2", "Made from"), _facts(facts)]
    # All files of an export come from one model and have the same record of its training.
    training = next((model.description["training"] for model in report.models if "training" in model.description), None)
    if isinstance(training, dict):
        parts += [element("h2", "Trained by"), _facts([(name, json_text(value)) for name, value in training.items()])]
    return parts


def _facts(facts: list[tuple[str, Content]]) -> Markup:
    return element("dl", *(join([element("dt", name), element("dd", value)]) for name, value in facts))
