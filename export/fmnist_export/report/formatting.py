"""How the report writes numbers: shares in percent, sizes in bytes, digests to copy."""

import math
from typing import Any

from fmnist_export.report.markup import Markup, element
from fmnist_export.report.numbers import Share

NONE = "-"


def percent(value: float) -> str:
    """A share in percent with two digits, one image of 10,000; never rounded up to 100 nor down to 0."""
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
    """A share in percent without digits behind the point."""
    return f"{value * 100:.0f} %"


def share(found: Share) -> str:
    """A share with its 95 % interval: "99.91 % (99.83 to 99.95)"."""
    if not found.total:
        return "no images"
    low, high = found.interval
    return f"{percent(found.value)} ({low * 100:.2f} to {high * 100:.2f})"


def size(count: int) -> str:
    """Bytes with separators."""
    return f"{count:,} bytes"


def score(value: float) -> str:
    """A probability with three digits; exact 0 and 1 only where it is."""
    return f"{value:.3f}" if 0.0005 <= value <= 0.9995 or value in (0, 1) else ("<0.001" if value < 0.5 else ">0.999")


def decibels(value: float | None) -> str:
    """A ratio in dB, one digit."""
    return NONE if value is None else f"{value:.1f}"


def significant(value: float | None, digits: int = 4) -> str:
    """A number with `digits` significant digits."""
    return NONE if value is None else f"{value:.{digits}g}"


def code(text: str) -> Markup:
    """A digest or a name to copy."""
    return element("code", text)


def words(value: Any) -> str:
    """What JSON holds, as text: {"images": 60000, "sha256": {"a": "b"}} is "images 60000, sha256 (a b)"."""
    if isinstance(value, dict):
        return ", ".join(
            f"{name} ({words(part)})" if isinstance(part, dict) else f"{name} {words(part)}"
            for name, part in value.items()
        )
    if isinstance(value, list):
        return " ".join(words(part) for part in value)
    return NONE if value is None else str(value)
