"""The pages tell the truth about the repository: links, files, modules, commands, messages, tables."""

import ast
import html
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from helpers import run_command

import fmnist_runtime

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")] + sorted(DOCS.glob("*.md"))
PACKAGES = sorted(path.parent for path in ROOT.glob("*/fmnist_*/__init__.py"))
COMMANDS = [f"fmnist-{name}" for name in ("train", "export", "classify", "verify", "doctor", "benchmark", "bundle")]

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def test_the_readme_fits_on_two_screens() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_the_index_names_every_page() -> None:
    linked = {target for _, target in links(DOCS / "README.md")}
    assert {page.name for page in DOCS.glob("*.md")} - {"README.md"} <= linked


@each_page
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for text, target in links(page):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), (text, target)
        if anchor:
            assert anchor in anchors(path), (text, target)


@each_page
def test_every_picture_has_a_text(page: Path) -> None:
    for text in re.findall(r"!\[(.*?)\]\(", page.read_text()):
        assert len(text) > 10, text


def test_the_pictures_are_small() -> None:
    assert sum(path.stat().st_size for path in (DOCS / "pictures").iterdir()) <= 300_000


@each_page
def test_every_path_that_is_named_exists(page: Path) -> None:
    folders = "train|keras_models|export|runtime|benchmarks|deploy|tests|scripts|docs"
    for path in re.findall(rf"`((?:{folders})/[\w./-]+)`", page.read_text()):
        assert (ROOT / path).exists(), path


@each_page
def test_every_module_that_is_run_exists(page: Path) -> None:
    for name in re.findall(r"-m (fmnist_[\w.]+)", page.read_text()):
        path = module(name.rstrip("."))
        assert path is not None, name
        if path.name == "__init__.py" and not name.endswith("."):
            assert path.with_name("__main__.py").exists(), name


@each_page
def test_every_module_and_room_that_is_named_exists(page: Path) -> None:
    for name in re.findall(r"`(fmnist_\w+(?:\.\w+)+)`", page.read_text()):
        parent, _, attribute = name.rpartition(".")
        path = module(name) or module(parent)
        assert path is not None, name
        if module(name) is None:
            assert re.search(rf"\b{attribute}\b", path.read_text()), name


def test_every_name_is_in_the_file_that_the_architecture_names() -> None:
    pairs = re.findall(
        r"`(\w+)`(?: and `\w+`)? in\s+`([\w./-]+\.(?:py|sh|toml))`", (DOCS / "architecture.md").read_text()
    )
    assert len(pairs) > 20
    for name, path in pairs:
        assert re.search(rf"\b{name}\b", (ROOT / path).read_text()), (name, path)


def test_the_architecture_names_every_room() -> None:
    text = (DOCS / "architecture.md").read_text()
    rooms = {
        ".".join(path.parent.relative_to(package.parent).parts)
        for package in PACKAGES
        for path in package.glob("*/__init__.py")
    }
    assert set(re.findall(r"^\| `(fmnist_\w+\.\w+)` \|", text, re.MULTILINE)) == rooms


def test_every_command_is_in_the_readme() -> None:
    assert set(COMMANDS) <= {line[0] for line in command_lines(ROOT / "README.md")}


@each_page
def test_every_option_of_a_command_line_exists(page: Path) -> None:
    for line in command_lines(page):
        command, *words = line
        known = options(command)
        for word in words:
            option = word.partition("=")[0]
            if option.startswith("-") and option != "-":
                assert option in known, (option, " ".join(line))


def test_every_quoted_message_is_in_the_source() -> None:
    found = quotes()
    assert len(found) > 70
    texts = list(map(one_line, all_texts()))
    assert [quote for quote in found if not any(quote in text for text in texts)] == []


def test_the_messages_of_make_are_in_its_scripts() -> None:
    section = (DOCS / "troubleshooting.md").read_text().partition("\n## make\n")[2].partition("\n## ")[0]
    script = (ROOT / "scripts" / "environment.sh").read_text()
    script = script.replace("$folder", ".venv").replace("$package", "python3.11-venv")
    found = re.findall(r"^\| `(.+?)` \|", section, re.MULTILINE)
    assert len(found) == 4
    assert [message for message in found if message not in script] == []


def test_the_list_of_messages_is_that_of_the_source() -> None:
    command = [sys.executable, ROOT / "scripts" / "messages.py", "--check"]
    assert subprocess.run(command, check=False).returncode == 0, "run python scripts/messages.py"


def test_the_readme_states_what_the_shipped_models_state() -> None:
    result = run_command("fmnist-classify", "--list-models")
    # A line for each model between the heads of the columns and where they are proved.
    lines = [line.split() for line in result.stdout.splitlines()[1:-1]]
    readme = (ROOT / "README.md").read_text()
    assert len(lines) == 3
    for name, size, _, accuracy, agreement, *_ in lines:
        assert f"| `{name}` | {size} | {accuracy} | {agreement} |" in readme


def test_the_version_in_the_pages_is_the_package_s() -> None:
    for page in PAGES:
        found = re.findall(r"fmnist-edge-(\d+\.\d+\.\d+)", page.read_text())
        assert set(found) <= {fmnist_runtime.__version__}, page
    assert f"version: {fmnist_runtime.__version__}\n" in (ROOT / "CITATION.cff").read_text()


def links(page: Path) -> list[tuple[str, str]]:
    """The text and the target of every link and picture outside of code."""
    text = re.sub(r"`[^`]*`", "", page.read_text())
    return [(text, target) for text, target in re.findall(r"\[([^\]]*)\]\(([^)\s]+)\)", text)]


@cache
def anchors(page: Path) -> set[str]:
    """The anchors of the headings of `page`, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def module(name: str) -> Path | None:
    """The file of the module `name` of ours; None where there is none."""
    for package in PACKAGES:
        if name.partition(".")[0] == package.name:
            path = package.parent / name.replace(".", "/")
            return next((one for one in (path.with_suffix(".py"), path / "__init__.py") if one.exists()), None)
    return None


def command_lines(page: Path) -> Iterator[list[str]]:
    """The words of each line of code, and of each piece of code in a sentence, that runs one of the commands.

    What stands behind three blanks or a # explains the line; brackets mark what may be left out.
    """
    text = page.read_text()
    pieces = [line for line in re.findall(r"^    (.+)$", text, re.MULTILINE) if not line.startswith("fmnist_")]
    pieces += re.findall(r"`(fmnist-[^`]+)`", text)
    for piece in pieces:
        match = re.search(rf"(?:^|[\s/])({'|'.join(COMMANDS)})(?= |$)(.*)", re.split(r"   |  #", piece)[0])
        if match:
            yield [match[1], *shlex.split(re.sub(r"[\[\]|]", " ", match[2]))]


@cache
def options(command: str) -> set[str]:
    """The options that `command` has."""
    return set(re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", run_command(command, "--help").stdout))


def quotes() -> list[str]:
    """The messages that docs/troubleshooting.md explains, as they stand there: lines of **`message`** alone."""
    text = (DOCS / "troubleshooting.md").read_text()
    return [one_line(quote) for quote in re.findall(r"^\*\*`(.+)`\*\*\\?$", text, re.MULTILINE)]


def one_line(text: str) -> str:
    return " ".join(html.unescape(text).split())


def all_texts() -> Iterator[str]:
    """Every text in the packages, with `…` for what is filled in."""
    for package in PACKAGES:
        for path in package.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.JoinedStr):
                    yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value
