"""fmnist-benchmark on .tflite files that TensorFlow alone wrote."""

import json
from pathlib import Path

from helpers import assert_fails, run_command

from fmnist_benchmarks.measure.worker import TimedModel

QUICK = ("--runs", 6, "--processes", 1, "--warm-up", 2, "--backend", "tflite-runtime", "--json")


def test_the_pixel_range_of_a_plain_file_is_stated_or_reported_as_assumed(plain_models: Path) -> None:
    path = plain_models / "both-signs.tflite"
    result = run_command("fmnist-benchmark", path, *QUICK)
    assert result.returncode == 0, result.stderr
    assumed = "both-signs.tflite does not say what its pixels mean: 0..1 is assumed; state it with --pixels LOW..HIGH"
    assert result.stderr.splitlines().count(assumed) == 1
    assert json.loads(result.stdout)["settings"]["pixels"] is None
    for options in (("--pixels", "-1..1"), ("--mean", 0.5, "--std", 0.5)):
        result = run_command("fmnist-benchmark", path, *QUICK, *options)
        assert result.returncode == 0, result.stderr
        assert "assumed" not in result.stderr
        assert json.loads(result.stdout)["settings"]["pixels"] == [-1, 1]
    assert_fails(
        run_command("fmnist-benchmark", "mlp", *QUICK, "--pixels", "-1..1"), 1, "states pixels 0..1, not -1..1"
    )


def test_the_processes_that_measure_take_the_range(plain_models: Path) -> None:
    timed = TimedModel(plain_models / "both-signs.tflite", "tflite-runtime", 1, (-1.0, 1.0))
    assert timed.classifier.pixel_range[:2] == (-1, 1)
