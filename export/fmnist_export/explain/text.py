"""An explanation as text: tables for the terminal, and a one-sentence summary."""

from fmnist_export.explain.result import Explanation, Layer
from fmnist_runtime.commandline.output import wrap


def table(explanation: Explanation) -> str:
    """Two tables for the terminal, 80 columns wide, with a line for each layer, and the summary.

    The first has the errors and costs, the second the ranges.
    """
    errors = f"{'layer':<30}{'operator':<18}{'SQNR dB':>8}{'weights':>8}{'cost':>9}{'share':>6}"
    ranges = (
        f"{'layer':<21}{'lowest':>9}{'highest':>9}{'scale':>10}{'zero':>6}{'at -128':>8}{'at 127':>8}{'clipped':>8}"
    )
    layers = explanation.layers
    return "\n".join([errors, *map(_errors, layers), "", ranges, *map(_ranges, layers), "", wrap(summary(explanation))])


def summary(explanation: Explanation) -> str:
    """The file's agreement and its costliest layer, in one sentence."""
    total = (
        f"{explanation.precision} agrees with Keras on {explanation.agreement:.4f} of {explanation.images:,} held-out "
        f"training images ({explanation.runtime} {explanation.version})"
    )
    costliest = explanation.costliest
    if costliest is None:
        return f"{total}; no layer loses agreement"
    return (
        f"{total}; {costliest.name} ({costliest.operator}) costs most: {costliest.cost:.4f} is lost at its step, "
        f"{100 * (costliest.share or 0):.0f} % of the loss by rounding"
    )


def _errors(layer: Layer) -> str:
    return (
        f"{_cut(layer.name, 29):<30}{layer.operator:<18}{_number(layer.sqnr_db, '.1f'):>8}"
        f"{_number(layer.weights_sqnr_db, '.1f'):>8}{_number(layer.cost, '.4f'):>9}{_number(layer.share, '.0%'):>6}"
    )


def _ranges(layer: Layer) -> str:
    return (
        f"{_cut(layer.name, 20):<21}{layer.lowest:>9.3g}{layer.highest:>9.3g}{_number(layer.scale, '.3g'):>10}"
        f"{_number(layer.zero_point, 'd'):>6}{_number(layer.at_least, '.2%'):>8}"
        f"{_number(layer.at_greatest, '.2%'):>8}{_number(layer.clipped, '.2%'):>8}"
    )


def _number(value: float | None, layout: str) -> str:
    return "-" if value is None else format(value, layout)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
