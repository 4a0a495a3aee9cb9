"""Threads, forks, copies and close(), on both interpreters, in processes of their own: a crash or hang is a failure."""

import copy
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from environments import environment, run_python
from helpers import ROOT

from fmnist_runtime import Classifier
from fmnist_runtime.data.dataset import Split
from fmnist_runtime.errors import ClosedError
from fmnist_runtime.model import model_file

PROGRAM = ROOT / "tests" / "runtime" / "programs" / "sharing.py"


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tflite-runtime", "litert"])
@pytest.mark.parametrize("kind", ["described", "plain"])
def test_threads_forks_and_copies_give_the_answers_of_one_thread(
    exported: Path, test_split: Split, tmp_path: Path, backend: str, kind: str
) -> None:
    content = (exported / "model-int8.tflite").read_bytes()
    if kind == "plain":
        content = model_file.parse(content, Path("x")).flatbuffer.replace(
            model_file.MARKER.encode(), b"MLIR Converted."
        )
    (tmp_path / "model.tflite").write_bytes(content)
    np.save(tmp_path / "images.npy", test_split.images[:1000])
    python = environment("litert") if backend == "litert" else Path(sys.executable)
    result = run_python(python, PROGRAM, tmp_path / "model.tflite", tmp_path / "images.npy", backend)
    assert (result.returncode, result.stdout) == (0, "right\n"), result.stderr


def test_a_closed_classifier_raises_in_every_method_and_is_not_copied(test_split: Split) -> None:
    classifier = Classifier()
    classifier.close()
    classifier.close()
    image = test_split.images[0]
    for ask in (
        classifier.index,
        classifier.classify,
        classifier.probabilities,
        lambda image: classifier.top(image, 1),
    ):
        with pytest.raises(ClosedError, match="closed; build another"):
            ask(image)
    with pytest.raises(ClosedError, match="closed"):
        classifier.outputs(test_split.images[:1])
    for copying in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(ClosedError, match="closed"):
            copying(classifier)


def test_the_buffers_keep_the_interpreter_alive(test_split: Split) -> None:
    """Whoever still holds an array of a tensor's memory, after close() too, holds the memory."""
    classifier = Classifier()
    output = classifier._output
    classifier.index(test_split.images[0])
    before = output.copy()
    interpreter = output.base
    while isinstance(interpreter, np.ndarray):
        interpreter = interpreter.base
    assert interpreter.interpreter is classifier._interpreter
    classifier.close()
    assert np.array_equal(output, before)
