"""HTML elements and images as text: every string is escaped unless it was made here, so no input becomes markup."""

import base64
import html
import struct
import zlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

_VOID = {"meta", "link", "img", "br"}


class Markup(str):
    """Text that is already HTML: `element` and `join` build it from escaped parts."""

    __slots__ = ()


Content = str | Markup


def element(name: str, /, *children: Content, **attributes: object) -> Markup:
    """<name attribute="...">children</name>; plain strings are escaped.

    Underscores in names of attributes become hyphens ("class_" is "class"); an attribute of None is left out.
    """
    start = f"<{name}" + "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"{start}>")
    return Markup(f"{start}>{join(children)}</{name}>")


def join(parts: Iterable[Content]) -> Markup:
    """The parts in order, with plain strings escaped."""
    return Markup("".join(part if isinstance(part, Markup) else html.escape(part, quote=False) for part in parts))


def table(
    head: Sequence[Content], rows: Iterable[Sequence[Content]], *, label: str, caption: str, text: int = 1
) -> Markup:
    """A table in a box that scrolls sideways, so that the page does not; `label` names it, `caption` is above it.

    The first `text` columns hold text, the others numbers. The box can be focused and scrolled with the keyboard.
    """
    kinds = ["text" if column < text else "number" for column in range(len(head))]
    header = [element("th", cell, scope="col", class_=kind) for cell, kind in zip(head, kinds, strict=True)]
    body = [
        element(
            "tr",
            element("th", first, scope="row", class_="text"),
            *(element("td", cell, class_=kind) for cell, kind in zip(rest, kinds[1:], strict=True)),
        )
        for first, *rest in rows
    ]
    whole = element(
        "table",
        element("thead", element("tr", *header)),
        element("tbody", *body),
    )
    box = element("div", whole, class_="scroll", tabindex="0", role="region", aria_label=label)
    return element("figure", element("figcaption", caption), box)


def png(image: NDArray[np.uint8]) -> bytes:
    """`image`, (H, W) uint8, as a greyscale PNG. Source: RFC 2083, sections 3 and 4.1; filter 0 in every row."""
    height, width = image.shape
    lines = np.zeros((height, width + 1), np.uint8)
    lines[:, 1:] = image
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def picture(image: NDArray[np.uint8], alt: str) -> Markup:
    """`image`, (H, W) uint8, embedded in the page and drawn dark on light; `alt` is its text alternative.

    Fashion-MNIST and its relatives are light on black. The report inverts them, as the figures of fmnist-train do.
    """
    source = f"data:image/png;base64,{base64.b64encode(png(np.invert(image))).decode()}"
    return element("img", src=source, alt=alt, width=84, height=84)


def whisker(low: float, value: float, high: float, start: float, end: float) -> Markup:
    """A share and its interval as a point and a bar on an axis from `start` to `end`."""

    def place(number: float) -> float:
        return round(4 + 112 * (number - start) / (end - start), 1)

    return element(
        "svg",
        element("line", x1=4, x2=116, y1=8, y2=8, class_="axis"),
        element("line", x1=place(low), x2=place(high), y1=8, y2=8, class_="interval"),
        element("circle", cx=place(value), cy=8, r=4, class_="value"),
        viewBox="0 0 120 16",
        width=120,
        height=16,
        aria_hidden="true",
    )


def histogram(values: NDArray[np.float64], title: str, *, bins: int = 41) -> Markup:
    """`values` around 0 as bars, with logarithmic counts: most values are near 0, and the others matter."""
    reach = float(np.abs(values).max()) or 1.0
    counts, _ = np.histogram(values, bins=bins, range=(-reach, reach))
    heights = np.log10(1 + counts) / np.log10(1 + counts.max())
    width, height, left = 600, 150, 8
    step = (width - 2 * left) / bins
    bars = [
        element(
            "rect",
            element("title", f"{count:,} images around {(number + 0.5) * 2 * reach / bins - reach:+.4f}"),
            x=round(left + number * step + 0.5, 1),
            y=round((1 - share) * height + 4, 1),
            width=round(step - 1, 1),
            height=round(share * height, 1),
            class_="bar",
        )
        for number, (count, share) in enumerate(zip(counts.tolist(), heights.tolist(), strict=True))
        if count
    ]
    drawing = element(
        "svg",
        element("title", title),
        element("line", x1=left, x2=width - left, y1=height + 4, y2=height + 4, class_="axis"),
        *bars,
        viewBox=f"0 0 {width} {height + 8}",
        role="img",
    )
    # The labels are outside the drawing, which shrinks on a phone.
    scale = element(
        "div", *(element("span", text) for text in (f"{-reach:+.3f}", "0", f"{reach:+.3f}")), class_="scale"
    )
    return element("div", drawing, scale, class_="histogram")
