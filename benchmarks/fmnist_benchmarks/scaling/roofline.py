"""The limits of this machine, as in the roofline model: multiply-adds and bytes a second, on one thread.

Measured with numpy's BLAS in float32, the best of many calls; another library may come a little closer to the hardware.
Source of the model: S. Williams, A. Waterman, D. Patterson, Roofline, Communications of the ACM 52 (2009).
"""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache, partial
from time import perf_counter

_SIDE = 768
_SECONDS = 0.3
# With less to read, the cost of the call itself would dominate.
_LEAST_BYTES = 2**18


@cache
def multiply_adds_per_second() -> float:
    """The best rate of a product of two square float32 matrices that fit the cache."""
    return _in_child("matrix", _SIDE)


@cache
def bytes_per_second(working_set: int) -> float:
    """The best rate of reading `working_set` bytes of float32 repeatedly, from the smallest cache that holds them."""
    return _in_child("memory", max(working_set, _LEAST_BYTES))


def _in_child(what: str, size: int) -> float:
    # BLAS reads the number of threads when it is loaded.
    variables = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "fmnist_benchmarks.scaling.roofline", what, str(size)]
    return float(subprocess.run(command, env=variables, capture_output=True, text=True, check=True).stdout)


def main(what: str, size: int) -> None:
    """Measure "matrix" or "memory" with `size` and print the rate."""
    import numpy as np

    if what == "matrix":
        one = np.random.default_rng(0).random((size, size), np.float32)
        work, out = float(size) ** 3, np.empty_like(one)
        best = _best(lambda: np.matmul(one, one, out=out))
    else:
        # A matrix-vector product reads every byte of the matrix once, as a Dense layer does. The size decides on which
        # shape BLAS is fastest.
        rates = []
        for columns in (256, 1024, size // 4 // 128):
            matrix = np.ones((size // 4 // columns, columns), np.float32)
            vector, product = np.ones(columns, np.float32), np.empty(len(matrix), np.float32)
            rates.append(matrix.nbytes / _best(partial(np.dot, matrix, vector, product)))
        work, best = max(rates), 1.0
    print(work / best)


def _best(call: Callable[[], object]) -> float:
    """Seconds of the fastest of many calls."""
    call()
    best, end = float("inf"), perf_counter() + _SECONDS
    while perf_counter() < end:
        start = perf_counter()
        call()
        best = min(best, perf_counter() - start)
    return best


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
