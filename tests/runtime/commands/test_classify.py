"""fmnist-classify through its real entry point, in an environment with the base install alone."""

import io
import json
import shutil
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from helpers import assert_fails, run_command
from PIL import Image as Pillow

from fmnist_benchmarks.photos.rendering import render
from fmnist_runtime.data.dataset import Split
from fmnist_runtime.model import model_file, shipped

KEYS = ["source", "item", "index", "label", "score", "top", "model", "runtime"]


@pytest.fixture
def photos(test_split: Split, tmp_path: Path) -> Path:
    """A folder with photos of an ankle boot, a pullover and trousers, and two files that are none."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in (0, 1, 2):
        photo = render(test_split.images[number], np.random.default_rng(number))
        (folder / f"{number}.jpg").write_bytes(photo)
    (folder / "notes.txt").write_text("boot, pullover, trousers")
    (folder / "empty.jpg").write_text("")
    return folder


@pytest.fixture
def classify(base_bin: Path):
    return lambda *arguments, **options: run_command("fmnist-classify", *arguments, folder=base_bin, **options)


def test_the_base_environment_is_bare(base_bin: Path) -> None:
    names = ("tensorflow", "keras", "matplotlib", "pytest")
    code = f"import importlib.util as u; print([name for name in {names} if u.find_spec(name)])"
    assert subprocess.check_output([base_bin / "python", "-c", code], text=True) == "[]\n"


def test_install_and_one_command_give_an_answer(classify, test_images_file: Path) -> None:
    result = classify(test_images_file, "--index", 0)
    assert result.returncode == 0
    assert "Ankle boot" in result.stdout


def test_the_json_has_the_promised_keys(classify, test_images_file: Path) -> None:
    result = classify(test_images_file, "--index", 0, "--index", 2, "--top", 3, "--json")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["item"] for line in lines] == [0, 2]
    assert list(lines[0]) == KEYS
    assert (lines[0]["index"], lines[0]["label"], lines[0]["runtime"]) == (9, "Ankle boot", "tflite-runtime 2.14.0")
    assert [list(entry) for entry in lines[0]["top"]] == [["index", "label", "score"]] * 3
    assert result.stderr == ""


def test_every_kind_of_file_gives_the_same_answer(classify, test_split: Split, tmp_path: Path) -> None:
    image = test_split.images[3]
    Pillow.fromarray(image).save(tmp_path / "a.png")
    Pillow.fromarray(image).save(tmp_path / "b.jpg", quality=100)
    np.save(tmp_path / "c.npy", image)
    np.save(tmp_path / "d.npy", test_split.images[2:4])
    result = classify(*sorted(tmp_path.iterdir()), "--json")
    answers = [json.loads(line)["label"] for line in result.stdout.splitlines()]
    assert answers == ["Trouser"] * 5


def test_help_needs_neither_numpy_nor_an_interpreter(base_bin: Path) -> None:
    code = (
        "import sys\n"
        "from fmnist_runtime.commands.classify import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('numpy', 'PIL', 'tflite_runtime', 'ai_edge_litert') if name in sys.modules])"
    )
    output = subprocess.check_output([base_bin / "python", "-c", code], text=True)
    assert output.endswith("[]\n")
    assert "IMAGE..." in output


def test_one_bad_image_does_not_hide_the_others(classify, test_split: Split, tmp_path: Path) -> None:
    np.save(tmp_path / "good.npy", test_split.images[0])
    result = classify(tmp_path / "missing.png", tmp_path / "good.npy", "--json")
    assert_fails(result, 1, "missing.png", "No such file")
    assert json.loads(result.stdout)["label"] == "Ankle boot"


def test_bad_images_fail_with_one_line(classify, tmp_path: Path) -> None:
    for name, array, words in [
        ("nan.npy", np.full((28, 28), np.nan, np.float32), "not finite"),
        ("float.npy", np.zeros((28, 28)), "dtype float64"),
        ("shape.npy", np.zeros((14, 14), np.uint8), "(14, 14)"),
    ]:
        np.save(tmp_path / name, array)
        assert_fails(classify(tmp_path / name), 1, name, words, "expected")
    (tmp_path / "empty").mkdir()
    assert_fails(classify(tmp_path / "empty"), 1, "empty: no file in it")
    assert_fails(classify(f"{tmp_path}/*.jpg"), 1, "*.jpg: no file matches")


def test_bad_models_fail_with_one_line(classify, tmp_path: Path, test_images_file: Path) -> None:
    image = (test_images_file, "--index", 0)
    (tmp_path / "no.tflite").write_text("hello")
    assert_fails(classify(*image, "--model", tmp_path / "no.tflite"), 1, "no.tflite", "not a TFLite model")
    assert_fails(classify(*image, "--model", tmp_path / "gone.tflite"), 1, "no such file")
    assert_fails(classify(*image, "--model", tmp_path), 1, "a folder")
    (tmp_path / "cut.tflite").write_bytes(shipped.model_path(None).read_bytes()[:20000])
    assert_fails(classify(*image, "--model", tmp_path / "cut.tflite"), 1, "cut.tflite", "cut short")


def test_shipped_models_by_name_and_as_a_list(classify, test_images_file: Path) -> None:
    result = classify("--list-models", "--json")
    assert result.returncode == 0, result.stderr
    models = json.loads(result.stdout)["models"]
    assert [model["name"] for model in models] == list(shipped.SHIPPED)
    assert [model["name"] for model in models if model["default"]] == [shipped.DEFAULT]
    _, *text = classify("--list-models").stdout.splitlines()
    assert [line for line in text if "proved on tflite-runtime 2.14.0, litert 2.3.0" in line] == text[len(models) :]
    assert all(list(model["proved_on"]) == ["tflite-runtime 2.14.0", "litert 2.3.0"] for model in models)
    first = (test_images_file, "--index", 0, "--json")
    for model, line in zip(models, text[: len(models)], strict=True):
        file = model_file.read(shipped.MODELS_FOLDER / model["file"])
        assert file.description is not None
        proofs = file.description["proofs"]
        assert model["bytes"] == file.path.stat().st_size
        assert model["accuracy"] == min(proof["accuracy"] for proof in proofs)
        assert model["agreement"] == min(proof["agreement"] for proof in proofs)
        assert line.startswith(model["name"])
        assert line.endswith("(the default)") == model["default"]
        for words in (f"{model['bytes']:,}", f"{model['accuracy']:.4f}", f"{model['agreement']:.4f}"):
            assert words in line
        answer = json.loads(classify(*first, "--model", model["name"]).stdout)
        assert (answer["model"], answer["label"]) == (model["file"], "Ankle boot")
    assert json.loads(classify(*first).stdout)["model"] == shipped.SHIPPED[shipped.DEFAULT]
    assert_fails(classify(*first, "--model", "cnn-giant"), 1, "no such file", *shipped.SHIPPED)


def test_usage_errors_exit_with_2(classify, test_images_file: Path) -> None:
    assert_fails(classify(), 2, "Missing argument", "--help")
    assert_fails(classify(test_images_file, "--bogus"), 2, "No such option", "--bogus")
    assert_fails(classify(test_images_file, "--top", "0"), 2, "--top")
    assert_fails(classify(test_images_file, "--index", "10000"), 1, "10000 images")
    assert_fails(classify(test_images_file, "--backend", "litert", "--index", "0"), 1, "LiteRT is not installed")


def test_a_reader_that_stops_early_is_no_error(base_bin: Path, test_images_file: Path) -> None:
    command = f"{base_bin / 'fmnist-classify'} {test_images_file} | head -1"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert result.stdout.count("\n") == 1
    assert "Traceback" not in result.stderr
    assert "Error" not in result.stderr


def test_a_folder_of_photos_is_classified_and_other_files_are_named(classify, photos: Path) -> None:
    result = classify(photos, "--json")
    assert result.returncode == 0
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["label"] for line in lines] == ["Ankle boot", "Pullover", "Trouser"]
    assert [line["source"] for line in lines] == [str(photos / f"{number}.jpg") for number in (0, 1, 2)]
    said = result.stderr.splitlines()
    assert len(said) == 4
    assert said[0] == f"{photos}: 2 of 5 files skipped, not images: empty.jpg, notes.txt"
    assert all("background is light (grey" in line and line.endswith(": inverted") for line in said[1:])


def test_a_pattern_in_quotes_and_what_the_shell_expands_are_the_same(classify, photos: Path) -> None:
    quoted = classify(f"{photos}/[0-2].jpg")
    expanded = classify(*sorted(photos.glob("[0-2].jpg")))
    assert (quoted.stdout, quoted.stderr) == (expanded.stdout, expanded.stderr)
    assert quoted.stdout.count("\n") == 3


def test_invert_is_obeyed_and_noted(classify, photos: Path, test_split: Split, tmp_path: Path) -> None:
    Pillow.fromarray(255 - test_split.images[0]).save(tmp_path / "negative.png")
    kept = classify(tmp_path / "negative.png", "--json")
    assert kept.returncode == 0
    assert "its border is light" in kept.stderr
    assert "--invert yes inverts it" in kept.stderr
    inverted = classify(tmp_path / "negative.png", "--json", "--invert", "yes")
    assert inverted.stderr == ""
    assert json.loads(inverted.stdout)["label"] == "Ankle boot"
    assert "not inverted, as --invert no asks" in classify(photos / "0.jpg", "--invert", "no").stderr
    assert_fails(classify(photos / "0.jpg", "--invert", "maybe"), 2, "maybe", "auto")


def test_standard_input_takes_every_kind_of_file(
    classify, base_bin: Path, photos: Path, test_images_file: Path
) -> None:
    for file, options, label in (
        (photos / "2.jpg", [], "Trouser"),
        (test_images_file, ["--index", "2"], "Trouser"),
    ):
        with file.open("rb") as stream:
            result = classify("-", "--json", *options, stdin=stream)
        line = json.loads(result.stdout)
        assert (line["source"], line["label"]) == ("-", label)
    assert_fails(classify("-", stdin=subprocess.DEVNULL), 1, "-: empty")


def test_raw_frames_are_answered_before_the_next_one_is_sent(base_bin: Path, test_split: Split) -> None:
    command = [base_bin / "fmnist-classify", "-", "--raw", "--json"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0) as process:
        answers = io.TextIOWrapper(process.stdout)
        for number in range(3):
            process.stdin.write(test_split.images[number].tobytes())
            line = json.loads(answers.readline())
            assert (line["item"], line["label"]) == (number, ["Ankle boot", "Pullover", "Trouser"][number])
        process.stdin.write(bytes(100))
        process.stdin.close()
        assert process.wait() == 1
        assert answers.readline() == ""
        assert process.stderr.read().startswith(b"fmnist-classify: -: 100 bytes after 3 whole frames, expected 784")


def test_ctrl_c_ends_a_stream_in_one_line(base_bin: Path, test_split: Split) -> None:
    command = [base_bin / "fmnist-classify", "-", "--raw", "--json"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0) as process:
        process.stdin.write(test_split.images[0].tobytes())
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
        # click ends the line of the terminal's own ^C first.
        assert process.stderr.read().strip() == b"fmnist-classify: interrupted"


def test_raw_and_index_exclude_each_other(classify, test_images_file: Path) -> None:
    assert_fails(classify("-", "--raw", "--index", "1", stdin=subprocess.DEVNULL), 2, "--index")


def test_an_unsure_answer_does_not_change_the_exit_code(classify, test_images_file: Path) -> None:
    first = (test_images_file, "--index", 0)
    score = json.loads(classify(*first, "--json").stdout)["score"]
    sure = classify(*first, "--json", "--min-score", score)
    unsure = classify(*first, "--json", "--min-score", min(score + 0.001, 1))
    assert (sure.returncode, unsure.returncode) == (0, 0)
    assert list(json.loads(sure.stdout)) == [*KEYS, "unsure"]
    assert (json.loads(sure.stdout)["unsure"], json.loads(unsure.stdout)["unsure"]) == (False, True)
    assert classify(*first, "--min-score", 1).stdout.endswith("   unsure\n")
    assert "unsure" not in classify(*first, "--min-score", 0).stdout
    for wrong in ("nan", "-0.1", "1.1", "high"):
        assert_fails(classify(*first, "--min-score", wrong), 2, "--min-score")


def test_show_draws_what_the_model_saw_and_keeps_json_clean(classify, test_images_file: Path) -> None:
    first = (test_images_file, "--index", 0, "--show")
    drawn = classify(*first, env={"PYTHONUTF8": "1"})
    lines = drawn.stdout.splitlines()
    assert len(lines) == 15
    assert all(len(line) == 28 and set(line) <= set(" ░▒▓█") for line in lines[1:])
    plain = classify(*first, env={"PYTHONIOENCODING": "ascii"})
    assert plain.stdout.isascii()
    assert len(plain.stdout.splitlines()) == 15
    as_json = classify(*first, "--json", env={"PYTHONUTF8": "1"})
    assert json.loads(as_json.stdout)["label"] == "Ankle boot"
    assert as_json.stderr.splitlines() == lines[1:]


@pytest.mark.parametrize(
    ("name", "encoding", "printed"),
    [
        (b"\xff\x07.jpg", "utf-8:strict", "\\udcff\\x07.jpg"),
        ("Koszula-ł.jpg".encode(), "latin-1:strict", "Koszula-\\u0142.jpg"),
    ],
)
def test_unprintable_names_are_escaped(classify, photos: Path, name: bytes, encoding: str, printed: str) -> None:
    target = Path(photos, name.decode(errors="surrogateescape"))
    shutil.copy(photos / "2.jpg", target)
    environment = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "1"}
    result = classify(target, env=environment)
    assert result.returncode == 0, result.stderr
    assert printed in result.stdout
    assert json.loads(classify(target, "--json", env=environment).stdout)["label"] == "Trouser"


@pytest.mark.slow
def test_bombs_and_damaged_photos_do_not_hide_the_others(classify, photos: Path) -> None:
    Pillow.new("1", (30_000, 30_000)).save(photos / "bomb.png")
    result = classify(photos / "bomb.png", photos / "2.jpg", "--json")
    assert_fails(result, 1, "bomb.png", "too large a picture", "25 million")
    assert json.loads(result.stdout)["label"] == "Trouser"
    (photos / "cut.jpg").write_bytes((photos / "0.jpg").read_bytes()[:3000])
    assert_fails(classify(photos / "cut.jpg"), 1, "cut.jpg", "damaged or cut-short JPEG")
