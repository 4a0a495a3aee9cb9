"""fmnist-classify and fmnist-verify on plain .tflite files: what they assume, what options state, what they print."""

import contextlib
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from helpers import assert_fails, run_command
from plain_answers import RANGES, answers

from fmnist_runtime import Classifier
from fmnist_runtime.data.dataset import Split
from fmnist_runtime.errors import (
    FmnistError,
)
from fmnist_runtime.model import interface, model_file
from fmnist_runtime.model.golden import Golden


@pytest.fixture
def image(test_split: Split, tmp_path: Path) -> Path:
    """The first test image, an ankle boot, class 9."""
    np.save(tmp_path / "boot.npy", test_split.images[0])
    return tmp_path / "boot.npy"


def classify(folder: Path, name: str, image: Path, *options: object):
    return run_command(
        "fmnist-classify", image, "--model", folder / f"{name}.tflite", "--backend=tflite-runtime", *options
    )


def test_classify_prints_its_assumptions_on_every_run(plain_models: Path, image: Path) -> None:
    assumed = "unit.tflite does not say what its pixels mean: 0..1 is assumed; state it with --pixels LOW..HIGH"
    unnamed = "unit.tflite does not name its classes; give --labels FILE"
    runtime = "unit.tflite on tflite-runtime 2.14.0: asked for"
    for _ in range(2):
        result = classify(plain_models, "unit", image, "--json")
        assert result.returncode == 0
        assert result.stderr.splitlines() == [assumed, unnamed]
        assert json.loads(result.stdout)["label"] == "class 9"
        assert classify(plain_models, "unit", image).stderr.splitlines() == [runtime, assumed, unnamed]
    fused = classify(plain_models, "fused", image, "--json")
    assert "fused.tflite does not say what its pixels mean: 0..255 is assumed from the small weights" in fused.stderr
    assert json.loads(fused.stdout)["index"] == 9


@pytest.mark.parametrize("name", ["rescaled", "unit-int8", "raw-bytes", "doubled"])
def test_classify_prints_the_source_of_the_range(plain_models: Path, image: Path, name: str) -> None:
    result = classify(plain_models, name, image)
    assert result.returncode == 0, result.stderr
    reason = next(member.reason for member in RANGES if member.name == name)
    assert f"({reason}" in next(line for line in result.stderr.splitlines() if f"{name}.tflite: pixels " in line)
    assert "assumed" not in result.stderr


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("unit", ["--pixels", "0..1"], "unit.tflite: pixels 0..1 (--pixels)"),
        ("both-signs", ["--pixels", "-1..1"], "both-signs.tflite: pixels -1..1 (--pixels)"),
        ("both-signs", ["--mean", "0.5", "--std", "0.5"], "pixels -1..1 (--mean 0.5 --std 0.5)"),
        ("standardized", ["--mean", "0.286", "--std", "0.353"], "pixels -0.810198..2.02266 (--mean"),
        (
            "unit-int8",
            ["--pixels", "0..255"],
            "0..255 (--pixels, though the input's scale 0.00392157 and zero point -128 tells 0..1)",
        ),
    ],
)
def test_pixel_options_state_the_range(
    plain_models: Path, image: Path, name: str, options: list[str], words: str
) -> None:
    result = classify(plain_models, name, image, *options)
    assert result.returncode == 0, result.stderr
    assert words in result.stderr
    assert "assumed" not in result.stderr
    with Classifier(plain_models / f"{name}.tflite", pixels=_ends(options)) as classifier:
        expected = classifier.classify(np.load(image))
    found = json.loads(classify(plain_models, name, image, *options, "--json").stdout)
    assert (found["index"], found["score"]) == (expected.index, pytest.approx(expected.score))


def _ends(options: list[str]) -> tuple[float, float]:
    if options[0] == "--pixels":
        low, high = options[1].split("..")
        return float(low), float(high)
    mean, std = float(options[1]), float(options[3])
    return -mean / std, (1 - mean) / std


def test_wrong_options_fail_with_one_line(plain_models: Path, image: Path, tmp_path: Path) -> None:
    usage = [
        (["--pixels", "0-1"], "expected LOW..HIGH"),
        (["--mean", "0.5"], "--mean and --std belong together"),
        (["--std", "0.5"], "--mean and --std belong together"),
        (["--pixels", "0..1", "--mean", "0.5", "--std", "1"], "give one of them"),
        (["--mean", "72.9", "--std", "90"], "scale 0..1"),
    ]
    for options, words in usage:
        assert_fails(classify(plain_models, "unit", image, *options), 2, words)
    (tmp_path / "two.txt").write_text("a\nb\n")
    assert_fails(classify(plain_models, "unit", image, "--labels", tmp_path / "two.txt"), 1, "10 classes, 2 labels")
    assert_fails(classify(plain_models, "unit", image, "--labels", tmp_path / "gone.txt"), 1, "gone.txt")
    described = ("fmnist-classify", image, "--model", "mlp")
    assert_fails(run_command(*described, "--pixels", "0..255"), 1, "its description states pixels 0..1, not 0..255")
    assert_fails(run_command("fmnist-verify", "mlp", "--pixels", "0..255"), 1, "its description states pixels 0..1")
    assert_fails(run_command(*described, "--labels", tmp_path / "two.txt"), 1, "10 classes, 2 labels")
    assert run_command(*described, "--pixels", "0..1").returncode == 0
    assert run_command("fmnist-verify", "mlp", "--pixels", "0..1").returncode == 0


def test_labels_are_read_from_a_file(plain_models: Path, image: Path, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("".join(f"digit {number}\n" for number in range(10)))
    result = classify(plain_models, "unit-int8", image, "--labels", tmp_path / "names.txt", "--json")
    assert json.loads(result.stdout)["label"] == "digit 9"
    assert result.stderr == ""


def with_metadata(model: Path, goal: Path, members: dict[str, str]) -> Path:
    """`model` with a ZIP of `members` after it, as TFLite's metadata writer appends it."""
    goal.write_bytes(model.read_bytes())
    with zipfile.ZipFile(goal, "a") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return goal


TEN = "".join(f"digit {number}\n" for number in range(10))


@pytest.mark.parametrize(
    ("members", "source"),
    [
        ({"labels.txt": TEN}, "labels.txt inside it"),
        ({"labelmap.txt": TEN + "\n\n"}, "labelmap.txt inside it"),
        ({"labels.txt": TEN, "vocabulary.txt": "one\ntwo\n"}, "labels.txt inside it"),
        ({"a.txt": TEN, "b.txt": TEN}, None),
        ({"labels.txt": TEN + "more\n"}, None),
        ({"labels.csv": TEN}, None),
        ({"labels.txt": TEN.replace("3", "\x1b[31m")}, None),
        ({f"{number}.txt": "x" for number in range(100)} | {"labels.txt": TEN}, None),
        ({"labels.txt": TEN, "big.txt": "\n" * 2**21}, "labels.txt inside it"),
    ],
)
def test_labels_are_read_from_tflites_own_metadata(
    plain_models: Path, image: Path, tmp_path: Path, members: dict[str, str], source: str | None
) -> None:
    path = with_metadata(plain_models / "unit-int8.tflite", tmp_path / "unit-int8.tflite", members)
    with Classifier(path) as classifier:
        assert classifier.label_source == source
        assert classifier.labels[9] == ("digit 9" if source else "class 9")
        assert len(classifier.labels) == 10
    with Classifier(path, labels=list("abcdefghij")) as classifier:
        assert classifier.labels[9] == "j"
    if source == "labelmap.txt inside it":
        result = classify(tmp_path, "unit-int8", image, "--json")
        assert json.loads(result.stdout)["label"] == "digit 9"
        assert result.stderr == f"unit-int8.tflite: its class names are those of {source}\n"


def test_damaged_metadata_give_no_labels_or_the_right_file(plain_models: Path, tmp_path: Path) -> None:
    path = with_metadata(plain_models / "unit-int8.tflite", tmp_path / "unit-int8.tflite", {"labels.txt": TEN})
    content, rng = path.read_bytes(), np.random.default_rng(0)
    start = len((plain_models / "unit-int8.tflite").read_bytes())
    for place in [*rng.integers(start, len(content), 200), *range(len(content) - 22, len(content))]:
        damaged = bytearray(content)
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        with contextlib.suppress(FmnistError):
            file = model_file.read(path)
            assert interface.read(file, None, None).label_source in (None, "labels.txt inside it")


def test_an_answer_without_a_score_is_printed_as_a_dash_and_unsure(plain_models: Path, image: Path) -> None:
    result = classify(plain_models, "end-relu-int8", image, "--top", 2)
    assert (
        "end-relu-int8.tflite: its outputs are neither probabilities nor logits, so its answers have no score"
        in result.stderr
    )
    assert result.stdout.split()[1:4] == ["class", "9", "-"]
    line = json.loads(classify(plain_models, "end-relu-int8", image, "--json", "--min-score", 0).stdout)
    assert (line["index"], line["score"], line["unsure"]) == (9, None, True)
    assert line["top"] == [{"index": 9, "label": "class 9", "score": None}]
    assert "unsure" in classify(plain_models, "end-relu-int8", image, "--min-score", 0).stdout


def test_verify_takes_the_stated_range_of_a_plain_file(plain_models: Path, test_split: Split, tmp_path: Path) -> None:
    keras = answers(plain_models, "both-signs")
    golden = Golden(
        test_split.images[:200],
        np.arange(200, dtype=np.int32),
        keras[:200].argmax(axis=1).astype(np.uint16),
        keras[:200],
        keras.argmax(axis=1).astype(np.uint16),
        "0" * 64,
    )
    (tmp_path / "golden.npz").write_bytes(golden.to_bytes())
    command = ("fmnist-verify", plain_models / "both-signs.tflite", "--golden", tmp_path / "golden.npz", "--json")
    passed = run_command(*command, "--pixels", "-1..1")
    assert passed.returncode == 0, passed.stderr
    assert json.loads(passed.stdout)["agreement"] == 1
    assert passed.stderr == ""
    failed = run_command(*command)
    assert_fails(failed, 1, "differ from Keras")
    assert "both-signs.tflite does not say what its pixels mean: 0..1 is assumed" in failed.stderr
    assert json.loads(failed.stdout)["agreement"] < 0.9
