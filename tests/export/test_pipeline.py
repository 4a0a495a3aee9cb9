"""The line of an export: each value is built once, and the process that proves never imports tensorflow."""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
pytest.importorskip("keras", reason="needs the extra [train]")

import keras_models as models

from fmnist_export import pipeline
from fmnist_export.prepare import rounding
from fmnist_export.prove import proof
from fmnist_export.source import keras_model
from fmnist_keras import inference
from fmnist_runtime.flatbuffer import graph
from fmnist_runtime.model import model_file, shipped


class _Calls:
    """The calls of some functions, in order, and the flatbuffers that were parsed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: list[str] = []
        self.parsed: Counter[bytes] = Counter()
        self._monkeypatch = monkeypatch

    def record(self, module: object, name: str, note: Callable[..., None] = lambda *_: None) -> None:
        real = getattr(module, name)

        def recorded(*arguments, **options):
            self.names.append(name)
            note(*arguments)
            return real(*arguments, **options)

        self._monkeypatch.setattr(module, name, recorded)

    def count_parsed(self, content: bytes, *_: object) -> None:
        # fmnist-edge's marker takes the place of the converter's note: the flatbuffer stays the same.
        self.parsed[content.replace(model_file.MARKER.encode(), b"MLIR Converted.")] += 1


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> _Calls:
    calls = _Calls(monkeypatch)
    calls.record(graph, "read", calls.count_parsed)
    for name in ("check_exists", "import_tensorflow", "load", "digest"):
        calls.record(keras_model, name)
    calls.record(inference, "predict")
    calls.record(proof, "run")
    calls.record(rounding, "prepare")
    return calls


@pytest.mark.slow
@pytest.mark.parametrize(("is_explained", "parsed"), [(False, 3), (True, 10)], ids=["export", "export --explain"])
def test_every_flatbuffer_is_parsed_once_and_the_keras_file_is_loaded_once(
    is_explained: bool, parsed: int, calls: _Calls, tmp_path: Path
) -> None:
    """Of two files 10 flatbuffers were parsed before, and 38 with --explain; each of the files four times and more."""
    path = models.save("sequential", tmp_path)
    files = pipeline.export(
        path,
        tmp_path,
        models.dataset(),
        precisions=("float32", "int8"),
        show_explanation=(lambda _: None) if is_explained else None,
    )
    assert set(calls.parsed.values()) == {1}
    # The two files, and the float32 model in which the last layer is looked up; the rest are variants of the int8 file.
    assert len(calls.parsed) == parsed
    for file in files:
        flatbuffer = model_file.read(file.path).flatbuffer
        assert calls.parsed[flatbuffer.replace(model_file.MARKER.encode(), b"MLIR Converted.")] == 2
    assert calls.names.count("load") == calls.names.count("digest") == 1
    # The weights of the int8 file are prepared once, for the conversion and the explanation together.
    assert calls.names.count("prepare") == 1


@pytest.mark.slow
def test_nothing_goes_back_to_the_keras_file_after_it_is_loaded(calls: _Calls, tmp_path: Path) -> None:
    path = models.save("sequential", tmp_path)
    pipeline.export(path, tmp_path, models.dataset(), precisions=("float32", "int8"), show_explanation=lambda _: None)
    loading = {"check_exists", "import_tensorflow", "load", "digest"}
    last = max(number for number, name in enumerate(calls.names) if name in loading)
    assert "predict" not in calls.names[:last]
    assert "read" not in calls.names[:last]
    assert calls.names.count("run") == 2
    assert calls.names.index("run") > last


@pytest.mark.slow
def test_the_process_that_proves_imports_no_tensorflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """tensorflow breaks tflite-runtime when both are in one process, with std::bad_alloc or with wrong answers."""
    import subprocess

    commands: list[list[str]] = []
    real = subprocess.run

    def recorded(command, **options):
        commands.append([str(part) for part in command])
        return real(command, **options)

    monkeypatch.setattr(subprocess, "run", recorded)
    path = models.save("sequential", tmp_path)
    pipeline.export(path, tmp_path, models.dataset(), precisions=("int8",), show_explanation=lambda _: None)
    programs = [command for command in commands if "-m" in command and "fmnist" in command[command.index("-m") + 1]]
    assert [command[2] for command in programs] == ["fmnist_export.explain.tensors", "fmnist_runtime.answers"]
    model = shipped.MODELS_FOLDER / "doctor.tflite"
    for python, _, program, *_ in programs:
        code = (
            "import runpy, sys\n"
            f"sys.argv = [{program!r}, '--help']\n"
            "try:\n"
            f"    runpy.run_module({program!r}, run_name='__main__')\n"
            "except SystemExit:\n"
            "    pass\n"
            "from fmnist_runtime.classifier import Classifier\n"
            f"Classifier({str(model)!r}).close()\n"
            "print(sorted({'tensorflow', 'keras'} & set(sys.modules)))"
        )
        assert real([python, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()[-1] == "[]"
