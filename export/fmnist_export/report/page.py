"""report.html: what an export made and how well each file answers, as one page that opens offline.

The page holds its style and its pictures and no script; its content security policy forbids it to load anything. The
same Report gives the same bytes.
"""

from importlib import resources

from fmnist_export.report import numbers
from fmnist_export.report.content import ModelResult, NotProved, Report, Run
from fmnist_export.report.formatting import NONE, code, percent, share, size, whole_percent, words
from fmnist_export.report.markup import Content, Markup, element, join, table
from fmnist_export.report.sections import sections

__all__ = ["ModelResult", "NotProved", "Report", "Run", "html"]

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def html(report: Report) -> str:
    """The page, UTF-8 text. Every name and label in `report` is escaped, wherever it comes from."""
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
        element("body", element("header", *_head(report)), element("main", *_body(report))),
        lang="en",
    )
    return f"<!doctype html>\n{page}\n"


def _head(report: Report) -> list[Content]:
    runtimes = sorted({f"{run.runtime} {run.version}" for model in report.models for run in model.runs})
    where = f"on {' and '.join(runtimes)}" if runtimes else "on no runtime, so nothing is proved"
    return [
        element("p", "fmnist-edge export report", class_="quiet"),
        element("h1", report.source),
        element(
            "p",
            f"Each proved file answered {len(report.images):,} test images {where}; agreement is the share on which "
            f"its answer is Keras's. {_keras_accuracy(report)}",
        ),
        element(
            "nav", *(_card(number, report) for number in range(len(report.models))), class_="cards", aria_label="Files"
        ),
    ]


def _keras_accuracy(report: Report) -> str:
    if report.labels is None:
        return "The model's classes are not the data set's, so there is no accuracy."
    return f"Accuracy of Keras itself: {share(numbers.accuracy(report.keras_answers, report.labels))}."


def _card(number: int, report: Report) -> Markup:
    """One file at a glance: its worst agreement, and a link to its section."""
    model = report.models[number]
    shares = [numbers.agreement(run.answers, report.keras_probabilities) for run in model.runs]
    worst = min(shares, key=lambda found: found.value, default=None)
    lines: list[Content] = [element("strong", model.precision)]
    if worst is None:
        lines.append(element("span", "not proved", class_="big warn"))
    else:
        lines.append(element("span", percent(worst.value), class_="big"))
        lines.append(element("div", f"agrees with Keras; {worst.total - worst.count:,} of {worst.total:,} differ"))
    lines.append(element("div", size(model.bytes), class_="quiet"))
    lines.extend(element("div", f"not proved for {other.target}", class_="warn") for other in model.not_proved)
    return element("a", *lines, href=f"#file-{number}", class_="card")


def _body(report: Report) -> list[Content]:
    found: list[Content] = [element("h2", "All files")]
    found.append(_summary(report) if report.models else element("p", "No file was made."))
    for number, model in enumerate(report.models):
        found.append(element("section", *sections(model, report), id=f"file-{number}"))
    found.append(element("section", *_provenance(report)))
    return found


def _summary(report: Report) -> Markup:
    largest = max((model.bytes for model in report.models), default=0)
    rows: list[list[Content]] = []
    for model in report.models:
        sizes: list[Content] = [f"{model.bytes:,}", whole_percent(model.bytes / largest)]
        for run in model.runs:
            drift = numbers.drift(run.probabilities, report.keras_probabilities)
            rows.append(
                [
                    model.precision,
                    f"{run.runtime} {run.version}",
                    *sizes,
                    share(numbers.agreement(run.answers, report.keras_probabilities)),
                    NONE if report.labels is None else share(numbers.accuracy(run.answers, report.labels)),
                    f"{run.ties:,}",
                    f"{drift.p95:.2g}",
                ]
            )
        for other in model.not_proved or (() if model.runs else (NotProved("-", ""),)):
            rows.append(
                [model.precision, other.target, *sizes, element("span", "not proved", class_="warn"), "", "", ""]
            )
    head = ["file", "runtime", "bytes", "of largest", "agreement", "accuracy", "ties", "drift, 95 %"]
    caption = (
        f"Shares with 95 % intervals (Wilson, 1927). {_keras_accuracy(report)} A tie: two classes share the "
        f"highest output. Drift: how far the highest score moved from Keras's on 95 % of the images, at most."
    )
    return table(head, rows, label="All files", caption=caption, text=2)


def _provenance(report: Report) -> list[Content]:
    facts: list[tuple[str, Content]] = [
        ("Keras file", report.source),
        ("its SHA-256", code(report.source_sha256)),
        ("input", report.scaling),
        ("classes", ", ".join(report.class_names)),
        ("test images", f"{len(report.images):,}"),
        *((name, version) for name, version in sorted(report.versions.items())),
    ]
    found: list[Content] = [element("h2", "Made from"), _facts(facts)]
    # All files of an export come from one model and say the same of its training.
    training = next((model.description["training"] for model in report.models if "training" in model.description), None)
    if isinstance(training, dict):
        found += [element("h2", "Trained by"), _facts([(name, words(value)) for name, value in training.items()])]
    return found


def _facts(facts: list[tuple[str, Content]]) -> Markup:
    return element("dl", *(join([element("dt", name), element("dd", value)]) for name, value in facts))
