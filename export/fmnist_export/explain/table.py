"""An explanation for people: a table for the terminal, and one sentence that says what it comes to."""

from fmnist_export.explain.result import Explanation, Layer
from fmnist_runtime.commandline.output import wrap


def table(explanation: Explanation) -> str:
    """The explanation for a terminal of 80 columns: a line a layer on what it loses, one on its range, a sentence."""
    losses = f"{'layer':<24}{'operator':<18}{'SQNR dB':>9}{'weights':>9}{'cost':>10}{'share':>8}"
    ranges = (
        f"{'layer':<24}{'lowest':>9}{'highest':>9}{'scale':>10}{'zero':>6}{'at -128':>8}{'at 127':>7}{'clipped':>7}"
    )
    return "\n".join(
        [
            losses,
            *map(_loss_line, explanation.layers),
            "",
            ranges,
            *map(_range_line, explanation.layers),
            "",
            wrap(sentence(explanation)),
        ]
    )


def sentence(explanation: Explanation) -> str:
    """What the explanation comes to, in one sentence."""
    where = f"on {explanation.images:,} held-out training images, {explanation.runtime} {explanation.version}"
    total = f"{explanation.precision} agrees with Keras on {explanation.agreement:.4f} ({where})"
    costliest = explanation.costliest
    if costliest is None:
        return f"{total}; no layer costs agreement"
    return (
        f"{total}; {costliest.name} ({costliest.operator}) costs most: {costliest.cost:.4f} is lost at its turn, "
        f"{100 * (costliest.share or 0):.0f} % of what rounding costs"
    )


def _loss_line(layer: Layer) -> str:
    return (
        f"{_cut(layer.name, 23):<24}{layer.operator:<18}{_number(layer.sqnr_db, '.1f'):>9}"
        f"{_number(layer.weights_sqnr_db, '.1f'):>9}{_number(layer.cost, '.4f'):>10}{_number(layer.share, '.0%'):>8}"
    )


def _range_line(layer: Layer) -> str:
    return (
        f"{_cut(layer.name, 23):<24}{layer.lowest:>9.3g}{layer.highest:>9.3g}{_number(layer.scale, '.3g'):>10}"
        f"{_number(layer.zero_point, 'd'):>6}{_number(layer.at_least, '.1%'):>8}{_number(layer.at_greatest, '.1%'):>7}"
        f"{_number(layer.clipped, '.1%'):>7}"
    )


def _number(value: float | None, layout: str) -> str:
    return "-" if value is None else format(value, layout)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
