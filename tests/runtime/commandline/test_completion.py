"""What a shell completes, asked as click's own scripts for bash, zsh and fish ask the installed commands."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import BIN

from fmnist_deploy.boards import BOARDS
from fmnist_export.command import PRECISIONS
from fmnist_export.prove import targets
from fmnist_runtime.model.shipped import SHIPPED
from fmnist_train.models.recipes import NAMES
from fmnist_train.models.settings import DEFAULTS


def complete(words: str, folder: Path) -> list[tuple[str, str]]:
    """What bash is told for the last of `words`: pairs of kind (plain, file, dir) and text."""
    name = words.split()[0]
    variables = {
        **os.environ,
        f"_{name.upper().replace('-', '_')}_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    result = subprocess.run([BIN / name], env=variables, cwd=folder, capture_output=True, text=True, check=True)
    assert result.stderr == ""
    return [(kind, text) for kind, _, text in (line.partition(",") for line in result.stdout.splitlines())]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("fmnist-classify --model ", SHIPPED),
        ("fmnist-classify --model cnn", ("cnn-nano", "cnn-micro")),
        ("fmnist-classify a.png --backend ", ("auto", "tflite-runtime", "litert")),
        ("fmnist-classify --inv", ("--invert",)),
        ("fmnist-verify ", SHIPPED),
        ("fmnist-benchmark mlp m", ("mlp",)),
        ("fmnist-train --model ", (*DEFAULTS, "list")),
        ("fmnist-train --recipe ", NAMES),
        ("fmnist-train --recipe cnn-m", ("cnn-micro",)),
        ("fmnist-train --schedule c", ("cosine", "constant")),
        ("fmnist-export model.keras --precision ", PRECISIONS),
        ("fmnist-export model.keras --target ", (*targets.all_targets(), "all")),
        (
            "fmnist-export model.keras --target lite",
            [name for name in targets.all_targets() if name.startswith("litert")],
        ),
        ("fmnist-bundle ", BOARDS),
        ("fmnist-bundle pi-t", ("pi-trixie-64",)),
        ("fmnist-bundle x86-64 --model ", SHIPPED),
        ("fmnist-doctor --j", ("--json",)),
    ],
)
def test_names_are_completed(words: str, names: list[str], tmp_path: Path) -> None:
    assert complete(words, tmp_path) == [("plain", name) for name in names]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("fmnist-classify ", "file"),
        ("fmnist-classify pho", "file"),
        ("fmnist-classify --model build/", "file"),
        ("fmnist-classify --labels ", "file"),
        ("fmnist-verify ./", "file"),
        ("fmnist-verify mlp --golden ", "file"),
        ("fmnist-verify mlp --data ", "dir"),
        ("fmnist-train --model my", "file"),
        ("fmnist-train -o ", "dir"),
        ("fmnist-train --teacher ", "file"),
        ("fmnist-export ", "file"),
        ("fmnist-export model.keras --data ", "dir"),
        ("fmnist-benchmark mlp --compare ", "file"),
        ("fmnist-bundle --check ", "file"),
    ],
)
def test_files_and_folders_are_left_to_the_shell(words: str, kind: str, tmp_path: Path) -> None:
    assert complete(words, tmp_path) == [(kind, words.split(" ")[-1])]


def test_a_file_whose_name_begins_like_a_model_is_beside_it(tmp_path: Path) -> None:
    (tmp_path / "mlp-mine.tflite").write_text("")
    (tmp_path / "mlp-folder").mkdir()
    (tmp_path / ".hidden").write_text("")
    assert complete("fmnist-verify ml", tmp_path) == [
        ("plain", "mlp"),
        ("plain", "mlp-folder/"),
        ("plain", "mlp-mine.tflite"),
    ]
    assert ("plain", ".hidden") not in complete("fmnist-verify ", tmp_path)
    assert complete("fmnist-verify mlp-f", tmp_path) == [("file", "mlp-f")]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_get_the_same_names(shell: str) -> None:
    # fish gives the word itself where the others give its number.
    word = {"zsh": "1", "fish": "pi-trix"}[shell]
    variables = {"_FMNIST_BUNDLE_COMPLETE": f"{shell}_complete", "COMP_WORDS": "fmnist-bundle pi-trix"}
    output = subprocess.check_output(
        [BIN / "fmnist-bundle"], env={**os.environ, **variables, "COMP_CWORD": word}, text=True
    )
    assert "pi-trixie-64" in output
    assert "64-bit trixie" in output
    assert "bookworm" not in output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script(shell: str) -> None:
    variables = {**os.environ, "_FMNIST_CLASSIFY_COMPLETE": f"{shell}_source"}
    output = subprocess.check_output([BIN / "fmnist-classify"], env=variables, text=True)
    assert f"_FMNIST_CLASSIFY_COMPLETE={shell}_complete" in output


def test_bash_completes_with_the_line_of_the_documentation(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "cli.md").read_text()
    (line,) = (line for line in page.splitlines() if "bash_source" in line)
    script = (
        f"{line}\n"
        "COMP_WORDS=(fmnist-classify --model cnn) COMP_CWORD=2\n"
        "_fmnist_classify_completion fmnist-classify\n"
        'echo "${COMPREPLY[@]}"; complete -p fmnist-classify'
    )
    variables = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    output = subprocess.check_output(["bash", "-c", script], env=variables, cwd=tmp_path, text=True)
    names, function = output.splitlines()
    assert names == "cnn-nano cnn-micro"
    assert "_fmnist_classify_completion" in function


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("fmnist_runtime.commands.classify", "fmnist-classify --model "),
        ("fmnist_runtime.commands.verify", "fmnist-verify "),
        ("fmnist_train.command", "fmnist-train --recipe "),
        ("fmnist_export.command", "fmnist-export m --target "),
        ("fmnist_benchmarks.command", "fmnist-benchmark "),
        ("fmnist_deploy.command", "fmnist-bundle "),
    ],
)
def test_completion_imports_nothing_heavy(module: str, words: str) -> None:
    name = words.split()[0]
    heavy = ("numpy", "PIL", "keras", "tensorflow", "matplotlib", "tflite_runtime", "ai_edge_litert")
    code = (
        f"import sys\nfrom {module} import main\n"
        f"try: main(prog_name={name!r})\nexcept SystemExit: pass\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    variables = {
        f"_{name.upper().replace('-', '_')}_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    output = subprocess.check_output([sys.executable, "-c", code], env={**os.environ, **variables}, text=True)
    assert output.startswith("plain,")
    assert output.endswith("[]\n")
