"""The Pareto front: the models that no other beats in cost without losing accuracy."""

from collections.abc import Iterable
from typing import NamedTuple


class Point(NamedTuple):
    """The cost of a model, bytes or microseconds, and its accuracy."""

    cost: float
    accuracy: float


def front(points: Iterable[Point]) -> list[Point]:
    """The Pareto front of `points`, cheapest first.

    A point is on the front where no other costs at most as much and is at least as accurate, one of both strictly. Of
    equal points one is kept.
    """
    on_front: list[Point] = []
    for point in sorted(set(points), key=lambda one: (one.cost, -one.accuracy)):
        if not on_front or point.accuracy > on_front[-1].accuracy:
            on_front.append(point)
    return on_front
