"""HTML elements and images as text."""

import base64
import io
import re

import numpy as np
from PIL import Image
from report_samples import EVIL

from fmnist_export.report.markup import element, histogram, picture, png


def test_a_picture_is_the_image_pixel_for_pixel() -> None:
    image = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png(image)))), image)


def test_an_image_in_the_page_is_drawn_dark_on_light() -> None:
    image = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    (source,) = re.findall(r'src="data:image/png;base64,([^"]*)"', picture(image, "a shirt"))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(source)))), 255 - image)
    assert 'alt="a shirt"' in picture(image, "a shirt")


def test_text_is_escaped_and_markup_is_not() -> None:
    inner = element("b", EVIL, title=EVIL)
    assert str(element("p", inner)) == (
        '<p><b title="&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;&amp;">'
        "&lt;script&gt;alert(1)&lt;/script&gt;\"'&amp;</b></p>"
    )


def test_a_histogram_counts_every_image() -> None:
    values = np.concatenate([np.zeros(1000), [0.5, -0.5, 0.25]])
    found = re.findall(r"<title>([\d,]+) images around ([+-][\d.]+)</title>", histogram(values, "drift"))
    assert sum(int(count.replace(",", "")) for count, _ in found) == 1003
    assert found[0] == ("1", "-0.4878")
