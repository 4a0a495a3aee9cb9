import itertools

import pytest

from fmnist_benchmarks.output import label_placement
from fmnist_benchmarks.output.label_placement import Box


def test_labels_cover_neither_points_nor_each_other() -> None:
    anchors = [(100.0, 100.0), (112.0, 100.0), (105.0, 108.0), (195.0, 195.0)]
    points = [Box(x - 4, y - 4, x + 4, y + 4) for x, y in anchors]
    area = Box(0, 0, 200, 200)
    placed = label_placement.place(anchors, [(40.0, 10.0)] * 4, points, area)
    assert all(box.overlap(point) == 0 for box in placed for point in points)
    assert all(one.overlap(other) == 0 for one, other in itertools.combinations(placed, 2))
    assert all(box.overlap(area) == pytest.approx(400) for box in placed)
