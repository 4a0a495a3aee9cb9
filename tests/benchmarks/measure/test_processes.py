"""Programs that run once, and workers that answer on request."""

import sys

import pytest

from fmnist_benchmarks.measure.processes import Worker, run_once
from fmnist_runtime.errors import FmnistError


def test_a_program_is_measured_and_one_that_fails_is_named() -> None:
    run = run_once([sys.executable, "-c", "pass"])
    assert run.milliseconds > 0
    assert 1000 < run.peak_kib < 50_000
    with pytest.raises(FmnistError, match="ended with 3"):
        run_once([sys.executable, "-c", "raise SystemExit(3)"])


def test_a_worker_that_ends_is_named_with_its_reason() -> None:
    code = "import sys; print('{}', flush=True); input(); sys.exit('no more')"
    worker = Worker("a worker", [sys.executable, "-c", code])
    with pytest.raises(FmnistError, match="a worker ended with 1: no more"):
        worker.request("1 2")
    worker.close()


def test_a_worker_that_ends_before_its_greeting_is_named() -> None:
    with pytest.raises(FmnistError, match="a worker ended with 1: no start"):
        Worker("a worker", [sys.executable, "-c", "raise SystemExit('no start')"])


def test_a_busy_worker_is_closed_at_once() -> None:
    worker = Worker("a worker", [sys.executable, "-c", "print('{}', flush=True); import time; time.sleep(600)"])
    assert worker.is_busy(0.01)
    worker.close()
