"""No damaged model file raises anything but the errors of model files, and none is waited for or read whole."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_model import TINY, plain

from fmnist_runtime import Classifier
from fmnist_runtime.errors import (
    DamagedModelError,
    DescriptionError,
    ModelFileError,
)
from fmnist_runtime.model import appended_zip, model_file, shipped


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
def test_a_changed_model_raises_only_model_file_errors(tiny: bytes, data: st.DataObject) -> None:
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
def test_a_packed_file_is_read_back(tiny: bytes, labels: list[str], facts: dict[str, object]) -> None:
    flatbuffer = model_file.mark(tiny)
    description = model_file.describe(flatbuffer, tuple(labels), facts=facts)
    file = model_file.parse(model_file.pack(flatbuffer, tuple(labels), description), Path("x"))
    assert (file.flatbuffer, file.labels, file.description) == (flatbuffer, tuple(labels), description)


def test_other_labels_are_refused_even_in_a_sound_zip() -> None:
    file = model_file.read(TINY)
    assert file.labels is not None
    assert file.description is not None
    exchanged = model_file.pack(file.flatbuffer, file.labels[::-1], file.description)
    with pytest.raises(DamagedModelError, match="labels are not those"):
        model_file.parse(exchanged, Path("x"))


def test_a_description_nested_too_deep_is_refused() -> None:
    file = model_file.read(TINY)
    deep = appended_zip.make_zip({"labels.txt": b"a\n", "fmnist.json": b"[" * 100_000}, len(file.flatbuffer))
    with pytest.raises(DescriptionError, match="description after the model cannot be read"):
        model_file.parse(file.flatbuffer + deep, Path("x"))


def test_a_description_without_a_range_is_refused(tmp_path: Path) -> None:
    file = model_file.read(TINY)
    assert file.labels is not None
    assert file.description is not None
    for changed in ({"input": None}, {"input": {"range": [0]}}, {"input": {"range": [1, 1]}}):
        path = tmp_path / "x.tflite"
        path.write_bytes(model_file.pack(file.flatbuffer, file.labels, {**file.description, **changed}))
        with pytest.raises(DescriptionError, match="range"):
            Classifier(path)


def test_a_fifo_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.tflite")
    code = f"from fmnist_runtime import Classifier; Classifier({str(tmp_path / 'fifo.tflite')!r})"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert "ModelFileError" in result.stderr
    assert "not a regular file" in result.stderr


def test_a_sparse_file_of_2_gb_is_refused_without_reading_it(tmp_path: Path, tiny: bytes) -> None:
    path = tmp_path / "sparse.tflite"
    cases = (b"", "DamagedModelError", "not a TFLite model"), (tiny, "ModelFileError", "2,147,483,648 bytes")
    for start, kind, words in cases:
        path.write_bytes(start)
        os.truncate(path, 2**31)
        code = (
            "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))\n"
            f"from fmnist_runtime.model import model_file; import pathlib; model_file.read(pathlib.Path({str(path)!r}))"
        )
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
        assert result.stderr.splitlines()[-1].startswith(f"fmnist_runtime.errors.{kind}: "), result.stderr
        assert words in result.stderr
