"""Nothing that is given as a model ends in a signal, a hang or a traceback; damage that can be seen is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from environments import environment, run_python
from helpers import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from fmnist_runtime import Classifier
from fmnist_runtime.classifier import _guarded
from fmnist_runtime.errors import IncompatibleModelError, ModelFileError
from fmnist_runtime.flatbuffer import graph
from fmnist_runtime.inference import sandbox
from fmnist_runtime.model import model_file, shipped

PROGRAM = ROOT / "tests" / "runtime" / "programs" / "damage.py"
TINY = shipped.MODELS_FOLDER / "doctor.tflite"


def plain(path: Path) -> bytes:
    """The flatbuffer of a described file as another converter would have written it."""
    return model_file.read(path).flatbuffer.replace(model_file.MARKER.encode(), b"MLIR Converted.")


@pytest.fixture(scope="module")
def tiny() -> bytes:
    return plain(TINY)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tflite-runtime", "litert"])
def test_no_damage_kills_the_process(backend: str) -> None:
    """A model of 2 KB, so that most of what is hit is structure. Run in a child, because a crash is what may happen."""
    python = environment("litert") if backend == "litert" else Path(sys.executable)
    result = run_python(python, PROGRAM, TINY, backend, 0, 100)
    assert result.returncode == 0, (result.returncode, result.stderr[-1000:])
    found = json.loads(result.stdout)
    assert found["refused"] > 50
    assert 0 < found["accepted"] < 40  # weights and what nobody reads
    assert sum(found.values()) == 100


@pytest.mark.parametrize("name", [*shipped.SHIPPED.values(), "doctor.tflite"])
def test_a_plain_model_cut_at_every_100th_byte_is_refused(name: str, tmp_path: Path) -> None:
    content = plain(shipped.MODELS_FOLDER / name)
    path = tmp_path / "cut.tflite"
    refused = accepted = 0
    for size in range(0, len(content), 100):
        path.write_bytes(content[:size])
        try:
            model_file.read(path)
            accepted += 1  # only padding is missing
        except ModelFileError as error:
            assert "cut.tflite" in str(error)  # noqa: PT017
            refused += 1
    assert accepted <= 1
    assert refused >= len(content) // 100


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_the_reader_raises_nothing_but_its_own_error(tiny: bytes, data: st.DataObject) -> None:
    content = bytearray(tiny)
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(content) - 4))
        content[place : place + 4] = data.draw(st.binary(min_size=0, max_size=8))
    try:
        model_file.parse(bytes(content), Path("x"))
    except ModelFileError as error:
        assert "\n" not in str(error)  # noqa: PT017


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", b"\x1c\0\0\0TFL3", b"PK\3\4", b"[" * 5000]))
def test_bytes_of_any_kind_are_refused(content: bytes, start: bytes) -> None:
    with pytest.raises(ModelFileError):
        model_file.parse(start + content, Path("x"))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20), min_size=1, max_size=12),
    st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=8) | st.none(), max_size=4),
)
def test_what_is_packed_is_read_again(tiny: bytes, labels: list[str], facts: dict[str, object]) -> None:
    flatbuffer = model_file.mark(tiny)
    description = model_file.describe(flatbuffer, tuple(labels), facts=facts)
    file = model_file.parse(model_file.pack(flatbuffer, tuple(labels), description), Path("x"))
    assert (file.flatbuffer, file.labels, file.description) == (flatbuffer, tuple(labels), description)


def test_other_labels_are_refused_even_in_a_sound_zip() -> None:
    file = model_file.read(TINY)
    assert file.labels is not None
    assert file.description is not None
    exchanged = model_file.pack(file.flatbuffer, file.labels[::-1], file.description)
    with pytest.raises(ModelFileError, match="labels are not those"):
        model_file.parse(exchanged, Path("x"))


def test_a_description_nested_too_deep_is_refused() -> None:
    file = model_file.read(TINY)
    deep = model_file._zip({"labels.txt": b"a\n", "fmnist.json": b"[" * 100_000}, len(file.flatbuffer))
    with pytest.raises(ModelFileError, match="description behind the model cannot be read"):
        model_file.parse(file.flatbuffer + deep, Path("x"))


def test_a_description_without_a_range_is_refused(tmp_path: Path) -> None:
    file = model_file.read(TINY)
    assert file.labels is not None
    assert file.description is not None
    for changed in ({"input": None}, {"input": {"range": [0]}}, {"input": {"range": [1, 1]}}):
        path = tmp_path / "x.tflite"
        path.write_bytes(model_file.pack(file.flatbuffer, file.labels, {**file.description, **changed}))
        with pytest.raises(ModelFileError, match="range"):
            Classifier(path)


def test_a_fifo_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.tflite")
    code = f"from fmnist_runtime import Classifier; Classifier({str(tmp_path / 'fifo.tflite')!r})"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert "ModelFileError" in result.stderr
    assert "not a regular file" in result.stderr


def test_a_sparse_file_of_2_gb_is_refused_without_reading_it(tmp_path: Path, tiny: bytes) -> None:
    path = tmp_path / "sparse.tflite"
    for start, words in ((b"", "not a TFLite model"), (tiny, "2,147,483,648 bytes")):
        path.write_bytes(start)
        os.truncate(path, 2**31)
        code = (
            "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))\n"
            f"from fmnist_runtime.model import model_file; import pathlib; model_file.read(pathlib.Path({str(path)!r}))"
        )
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
        assert result.stderr.splitlines()[-1].startswith("fmnist_runtime.errors.ModelFileError"), result.stderr
        assert words in result.stderr


def test_what_crashes_an_interpreter_crashes_a_child_and_is_remembered(
    tiny: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut short, a model ends tflite-runtime 2.14 with SIGSEGV. Its structure shows it, so the trial is asked here."""
    shipped_model = plain(shipped.model_path("mlp"))
    # Which lengths crash depends on what lies behind the content in memory, so many are tried.
    cut = next(
        content
        for size in range(len(shipped_model) // 2, 1000, -500)
        if "signal" in refusal(content := shipped_model[:size])
    )
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert "signal" in refusal(cut)
    with pytest.raises(sandbox.RuntimeMissingError, match="does not start here"):
        sandbox.attempt("tflite-runtime", tiny + b"another")


def refusal(content: bytes) -> str:
    try:
        sandbox.attempt("tflite-runtime", content)
    except (ModelFileError, IncompatibleModelError) as error:
        return str(error)
    return ""


def test_only_plain_files_are_tried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny: bytes) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert Classifier(TINY).index(np.zeros((28, 28), np.uint8)) == 0
    (tmp_path / "plain.tflite").write_bytes(tiny + bytes(4))
    with pytest.raises(sandbox.RuntimeMissingError, match="fmnist-export wrote"):
        Classifier(tmp_path / "plain.tflite")


def test_weights_that_are_no_numbers_are_seen_in_the_answer(tmp_path: Path, tiny: bytes) -> None:
    """A plain file can't show that a weight was changed, but NaN is never an answer."""
    model = graph.read(tiny)
    weights = next(tensor.data for tensor in model.tensors if tensor.shape == (10, 4))
    for damage in (b"\0\0\xc0\x7f", b"\0\0\x80\x7f", b"\xff\xff\x7f\x7f"):
        content = bytearray(tiny)
        content[weights.start : weights.end] = damage * 40
        (tmp_path / "nan.tflite").write_bytes(content)
        with pytest.raises(ModelFileError, match="not numbers"):
            Classifier(tmp_path / "nan.tflite").index(np.full((28, 28), 255, np.uint8))


def test_a_described_model_that_answers_nan_is_refused_at_once(tmp_path: Path) -> None:
    file = model_file.read(TINY)
    assert file.labels is not None
    weights = next(tensor.data for tensor in file.graph.tensors if tensor.shape == (10, 4))
    content = bytearray(file.flatbuffer)
    content[weights.start : weights.end] = b"\0\0\xc0\x7f" * 40
    described = model_file.describe(bytes(content), file.labels, input={"range": [0, 1]})
    (tmp_path / "nan.tflite").write_bytes(model_file.pack(bytes(content), file.labels, described))
    with pytest.raises(ModelFileError, match="not numbers"):
        Classifier(tmp_path / "nan.tflite")


NAMES = (b"serving_default_image:0", b"StatefulPartitionedCall_1:0", b"arith.constant", b"main", b"CONVERSION_METADATA")
SIGNATURE = (b"serving_default\0", b"output_0\0", b"image\0")
NOT_UTF_8 = """
import sys, numpy
from pathlib import Path
from fmnist_runtime import Classifier
from fmnist_runtime.errors import FmnistError
for path in sys.argv[2:]:
    try:
        print(Classifier(path, backend=sys.argv[1]).index(numpy.zeros((28, 28), numpy.uint8)))
    except FmnistError as error:
        print(type(error).__name__, error)
"""


@pytest.mark.parametrize("backend", ["tflite-runtime", "litert"])
def test_names_that_are_not_utf_8_are_no_traceback(backend: str, tmp_path: Path, tiny: bytes) -> None:
    """Names of tensors and of what annotates don't matter; the interpreters themselves refuse those of signatures."""
    paths = []
    for number, name in enumerate((*NAMES, *SIGNATURE)):
        assert name in tiny
        paths.append(tmp_path / f"{number}.tflite")
        paths[-1].write_bytes(tiny.replace(name, b"\xff" + name[1:]))
    python = environment("litert") if backend == "litert" else Path(sys.executable)
    result = run_python(python, "-c", NOT_UTF_8, backend, *paths)
    assert result.returncode == 0, result.stderr[-1000:]
    lines = result.stdout.splitlines()
    assert lines[: len(NAMES)] == ["0"] * len(NAMES)
    for line in lines[len(NAMES) :]:
        assert line.startswith("IncompatibleModelError")
        assert "codec can't decode byte 0xff" in line


TILED = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import bombs
from fmnist_runtime import Classifier
from fmnist_runtime.errors import FmnistError
path = Path(sys.argv[3])
for times in (1, 200, 600, 30_000):
    path.write_bytes(bombs.tiled(times, times))
    try:
        Classifier(path, backend=sys.argv[2])
    except FmnistError as error:
        print(error)
# Of this process the peak of its own memory: ru_maxrss begins with that of the process that started it.
own = next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
print(max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) // 1024)
"""


@pytest.mark.parametrize("backend", ["tflite-runtime", "litert"])
def test_a_model_that_asks_for_gigabytes_or_computes_another_shape_is_refused(backend: str, tmp_path: Path) -> None:
    """500 bytes: what the runtime computes is another shape than the file says, of 3 KB, 125 MB, 1.1 GB and 2.8 TB."""
    python = environment("litert") if backend == "litert" else Path(sys.executable)
    result = run_python(python, "-c", TILED, PROGRAM.parent, backend, tmp_path / "tiled.tflite")
    assert result.returncode == 0, result.stderr[-1000:]
    *lines, mebibytes = result.stdout.splitlines()
    assert len(lines) == 4
    assert "gives the model's tensor 2 784 numbers, its file says (10,)" in lines[0]
    assert "gives the model's tensor 2 31,360,000 numbers" in lines[1]
    for line in lines[2:]:
        assert "memory ran out" in line or "refuses the model" in line or "signal" in line
    assert int(mebibytes) < 1300


def test_what_fails_for_some_images_only_is_no_traceback() -> None:
    def gather() -> None:
        raise RuntimeError("gather index out of bounds\nNode number 3 (GATHER) failed to invoke.")

    with pytest.raises(
        ModelFileError, match=r"^x.tflite: the model fails on this image \(gather index out of bounds\);"
    ):
        _guarded(gather, Path("x.tflite"))()


def test_another_interface_is_named(tmp_path: Path, tiny: bytes) -> None:
    model = graph.read(tiny)
    shape = tiny.index(b"\3\0\0\0\1\0\0\0\x1c\0\0\0\x1c\0\0\0")
    content = bytearray(tiny)
    content[shape + 8] = 27
    (tmp_path / "other.tflite").write_bytes(content)
    assert model.tensors[model.inputs[0]].shape == (1, 28, 28)
    with pytest.raises(ModelFileError, match=r"\(1, 27, 28\)"):
        Classifier(tmp_path / "other.tflite")
