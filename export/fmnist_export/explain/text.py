"""An explanation for people: a table for the terminal, and one sentence that says what it comes to."""

from fmnist_export.explain.result import Explanation, Layer


def table(explanation: Explanation) -> str:
    """The explanation for a terminal: a line a layer, and a sentence on the costliest."""
    head = (
        f"{'layer':<24}{'operator':<18}{'SQNR dB':>8}{'weights':>8}{'lowest':>9}{'highest':>9}{'scale':>10}"
        f"{'zero':>5}{'at -128':>8}{'at 127':>8}{'clipped':>8}{'cost':>9}{'share':>6}"
    )
    return "\n".join([head, *map(_line, explanation.layers), sentence(explanation)])


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


def _line(layer: Layer) -> str:
    return (
        f"{_cut(layer.name, 23):<24}{layer.operator:<18}{_number(layer.sqnr_db, '.1f'):>8}"
        f"{_number(layer.weights_sqnr_db, '.1f'):>8}{layer.lowest:>9.3g}{layer.highest:>9.3g}"
        f"{_number(layer.scale, '.3g'):>10}{_number(layer.zero_point, 'd'):>5}{_number(layer.at_least, '.2%'):>8}"
        f"{_number(layer.at_greatest, '.2%'):>8}{_number(layer.clipped, '.2%'):>8}{_number(layer.cost, '.4f'):>9}"
        f"{_number(layer.share, '.0%'):>6}"
    )


def _number(value: float | None, layout: str) -> str:
    return "-" if value is None else format(value, layout)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
