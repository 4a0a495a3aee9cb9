"""fmnist-doctor in the environments that it is for: right, wrong numpy, nothing installed, other Pythons."""

import json
import platform
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from environments import environment, run_python
from helpers import run_command

from fmnist_runtime import Classifier
from fmnist_runtime.device import doctor

COMMAND = ("-c", "from fmnist_runtime.commands.doctor import main; main()")


def test_the_doctor_passes_the_base_install(base_bin: Path) -> None:
    result = run_command("fmnist-doctor", "--json", folder=base_bin)
    report = json.loads(result.stdout)
    assert (result.returncode, result.stderr) == (0, "")
    assert report["works"] is True
    assert report["uses"] == "tflite-runtime 2.14.0"
    assert report["python"] == platform.python_version()
    assert {runtime["backend"]: runtime["works"] for runtime in report["runtimes"]} == {
        "litert": False,
        "tflite-runtime": True,
    }
    assert report["to_do"] == []
    assert report["board"]["cores"] >= 1


def test_the_text_names_the_working_interpreter(base_bin: Path) -> None:
    result = run_command("fmnist-doctor", folder=base_bin)
    assert result.returncode == 0
    for words in ("tflite-runtime  2.14.0 works", "governor", "temperature", "throttling", "to do           nothing"):
        assert words in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("numpy2", "needs numpy below 2, found 2.*run: pip install 'numpy<2'"),
        ("bare", "no TFLite interpreter is installed; run: pip install"),
    ],
)
def test_a_problem_is_one_sentence_with_the_command(name: str, words: str) -> None:
    result = run_python(environment(name), *COMMAND)
    assert result.returncode == 1
    lines = result.stdout.splitlines()
    # A line that goes on in the next one is indented there.
    last = " ".join(line.strip() for line in lines[max(n for n, line in enumerate(lines) if line[0] != " ") :])
    assert last.startswith("to do")
    assert re.search(words, last), last
    assert result.stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["numpy2", "bare"])
def test_the_classifier_fails_with_the_same_line(name: str) -> None:
    code = "from fmnist_runtime.commands.classify import main; main(['x.npy'])"
    result = run_python(environment(name), "-c", code)
    assert result.returncode == 1
    lines = [line for line in result.stderr.splitlines() if line.startswith("fmnist-classify")]
    assert len(lines) == 1, result.stderr
    assert "run: pip install" in lines[0]
    assert "Traceback" not in lines[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["python3.12", "python3.13"])
def test_newer_pythons_use_litert(name: str) -> None:
    result = run_python(environment(name), *COMMAND)
    assert result.returncode == 0, result.stdout
    assert "litert          2.3.0 works" in result.stdout
    code = (
        "import numpy; from fmnist_runtime import Classifier\n"
        "classifier = Classifier()\n"
        "print(classifier.runtime.reason, classifier.index(numpy.zeros((28, 28), 'uint8')))\n"
        "try: Classifier(backend='tflite-runtime')\n"
        "except Exception as error: print(error)"
    )
    lines = run_python(environment(name), "-c", code).stdout.splitlines()
    assert lines[0].startswith("LiteRT 2.3.0: first that runs")
    assert "no wheel for Python 3.1" in lines[1]
    assert "pip install 'ai-edge-litert" in lines[1]


@pytest.mark.slow
def test_a_crash_of_an_interpreter_is_a_finding(tmp_path: Path) -> None:
    """A package in tflite_runtime's place that ends as the real one does on a processor without NEON."""
    package = tmp_path / "tflite_runtime"
    package.mkdir()
    (package / "__init__.py").write_text("__version__ = '2.14.0'")
    (package / "interpreter.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGILL)")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from fmnist_runtime.commands.doctor import main; main()"
    result = run_python(environment("bare"), "-c", code)
    assert result.returncode == 1
    assert "tflite-runtime ends with SIGILL on this machine" in result.stdout


def test_a_wrong_answer_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor._problem("tflite-runtime") is None
    monkeypatch.setattr(doctor, "_EXPECTED", tuple(np.roll(doctor._EXPECTED, 1)))
    assert "gives wrong answers" in str(doctor._problem("tflite-runtime"))


def test_the_expected_answer_is_the_formula_of_the_recipe() -> None:
    quarters, classes = np.array(doctor._QUARTERS) / 255, np.arange(10)
    powers = np.exp(4 * quarters[classes % 4] / (1 + classes // 4))
    assert np.round(powers / powers.sum(), 4).tolist() == list(doctor._EXPECTED)


def test_tensorflow_is_never_imported() -> None:
    """The environment that runs this test has it."""
    code = "import sys; from fmnist_runtime import Classifier; Classifier(); print('tensorflow' in sys.modules)"
    result = run_python(Path(sys.executable), "-c", code)
    assert result.stdout == "False\n"


def test_auto_records_the_interpreters_that_failed() -> None:
    classifier = Classifier()
    assert classifier.runtime.reason == "tflite-runtime 2.14.0: first that runs"
    assert classifier.runtime.passed_over == ("LiteRT is not installed; run: pip install 'ai-edge-litert>=2.1.6'",)
    assert "first that runs" in repr(classifier)
