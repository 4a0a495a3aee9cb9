"""The format of numbers in the report: shares in percent, sizes in bytes, times in µs, digests to copy."""

import math
from collections.abc import Sequence
from typing import Any

from fmnist_export.report.markup import Markup, element
from fmnist_export.report.numbers import Share

NONE = "-"


def percent(value: float) -> str:
    """A share in percent with two decimals (one image of 10,000); never rounded up to 100 or down to 0."""
    if math.isnan(value):
        return NONE
    hundredths = value * 10_000
    rounded = round(hundredths)
    if rounded == 10_000 and value < 1:
        rounded = 9_999
    if rounded == 0 and value > 0:
        rounded = 1
    return f"{rounded / 100:.2f} %"


def whole_percent(value: float) -> str:
    """A share in percent without decimals."""
    return f"{value * 100:.0f} %"


def share(found: Share) -> str:
    """A share with its 95 % interval: "99.91 % (99.83 to 99.95)"."""
    if not found.total:
        return "no images"
    low, high = found.interval
    return f"{percent(found.value)} ({low * 100:.2f} to {high * 100:.2f})"


def size(count: int) -> str:
    """A number of bytes, with thousands separators."""
    return f"{count:,} bytes"


def latency(seconds: float | None) -> str:
    """A time for one image with three significant digits, in µs below a millisecond and in ms above."""
    if seconds is None:
        return NONE
    unit, value = ("µs", seconds * 1e6) if seconds < 0.9995e-3 else ("ms", seconds * 1e3)
    return f"{value:#.3g} {unit}" if value < 100 else f"{value:,.0f} {unit}"


def score(value: float) -> str:
    """A probability with three decimals; 0.000 and 1.000 only for exactly 0 and 1."""
    return f"{value:.3f}" if 0.0005 <= value <= 0.9995 or value in (0, 1) else ("<0.001" if value < 0.5 else ">0.999")


def decibels(value: float | None) -> str:
    """A ratio in dB with one decimal."""
    return NONE if value is None else f"{value:.1f}"


def significant(value: float | None, digits: int = 4) -> str:
    """A number with `digits` significant digits."""
    return NONE if value is None else f"{value:.{digits}g}"


def enumeration(names: Sequence[str]) -> str:
    """The names as a list in a sentence: "a", "a and b", "a, b and c"."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def code(text: str) -> Markup:
    """A digest or a name to copy."""
    return element("code", text)


def json_text(value: Any) -> str:
    """A JSON value as text: {"images": 60000, "sha256": {"a": "b"}} becomes "images 60000, sha256 (a b)"."""
    if isinstance(value, dict):
        return ", ".join(
            f"{name} ({json_text(part)})" if isinstance(part, dict) else f"{name} {json_text(part)}"
            for name, part in value.items()
        )
    if isinstance(value, list):
        return " ".join(json_text(part) for part in value)
    return NONE if value is None else str(value)
