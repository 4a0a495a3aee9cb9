"""Folders of other people below, beside and in the place of an installation: none of them is touched."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from bundles import current, install, other_bundle, versions
from helpers import assert_fails

from fmnist_deploy.target import output, ownership, release
from fmnist_deploy.target.release import ReleaseError

_NAME = "0.1.0-0123456789ab"


def everything(folder: Path) -> dict[str, object]:
    """What is in `folder`, byte for byte; links as links."""
    return {
        str(path.relative_to(folder)): (
            str(path.readlink()) if path.is_symlink() else path.is_file() and path.read_bytes()
        )
        for path in sorted(folder.rglob("*"))
    }


def version(prefix: Path, name: str = _NAME, mark: bool = True, rollback: bool = False) -> Path:
    """A small version as the installer makes it, or as a release before the marks did."""
    folder = prefix / "versions" / name
    (folder / "bin").mkdir(parents=True)
    manifest = json.dumps({"fmnist_edge": "0.1.0", "models": {}, "wheels": []}).encode()
    (folder / "bundle.json").write_bytes(manifest)
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (folder / "bin" / "python").symlink_to("/usr/bin/python3")
    if mark:
        ownership.mark_version(folder, name, manifest)
    if rollback:
        (folder / "bin" / "fmnist-rollback").write_text(
            f"#!{folder}/bin/python\nimport sys\n\nfrom fmnist_deploy.target.command import main\n\n"
            f"sys.exit(main(['--rollback', '--prefix', {str(prefix)!r}, *sys.argv[1:]]))\n"
        )
    return folder


def _file(path: Path, text: str = "precious\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _pyenv(prefix: Path) -> None:
    _file(prefix / "versions" / "3.11.7" / "bin" / "python")
    _file(prefix / "versions" / "3.12.1" / "bin" / "python")
    _file(prefix / "shims" / "python")


def _linked_versions(prefix: Path) -> None:
    _file(prefix.parent / "elsewhere" / "3.11.7" / "bin" / "python")
    prefix.mkdir()
    (prefix / "versions").symlink_to("../elsewhere")


def _link(name: str, goal: str) -> Callable[[Path], None]:
    def make(prefix: Path) -> None:
        _file(prefix.parent / "elsewhere" / "notes.txt")
        prefix.mkdir()
        (prefix / name).symlink_to(goal)

    return make


def _second_name(prefix: Path) -> None:
    _file(prefix.parent / "notes.txt", "")
    prefix.mkdir()
    (prefix / ".lock").hardlink_to(prefix.parent / "notes.txt")


def _loop(prefix: Path) -> None:
    prefix.symlink_to(prefix)


_FOREIGN: dict[str, tuple[Callable[[Path], object], str]] = {
    "pyenv": (_pyenv, "shims and 2 more, which fmnist-edge did not make"),
    "one file": (lambda prefix: _file(prefix / "notes.txt"), "holds notes.txt, which"),
    "one hidden file": (lambda prefix: _file(prefix / ".bashrc"), "holds .bashrc, which"),
    "an empty folder": (lambda prefix: (prefix / "photos").mkdir(parents=True), "holds photos, which"),
    "other versions": (lambda prefix: _file(prefix / "versions/3.11.7/python"), "holds versions/3.11.7, which"),
    "a file in versions": (lambda prefix: _file(prefix / "versions/notes"), "holds versions/notes, which"),
    "versions is a link": (_linked_versions, "versions: is a link or a file, expected a folder"),
    "versions is a dangling link": (_link("versions", "nowhere"), "versions: is a link or a file"),
    "versions is a file": (lambda prefix: _file(prefix / "versions"), "versions: is a link or a file"),
    "a name as ours": (lambda prefix: version(prefix, mark=False), f"holds versions/{_NAME}, which"),
    "a mark for another name": (
        lambda prefix: version(prefix).rename(prefix / "versions" / "0.1.0-00000000000a"),
        "holds versions/0.1.0-00000000000a, which",
    ),
    "a partial name with other files": (
        lambda prefix: _file(prefix / f"versions/.partial-{_NAME}/notes.txt"),
        f"holds versions/.partial-{_NAME}, which",
    ),
    "another mark": (lambda prefix: _file(prefix / ".fmnist-edge"), "holds .fmnist-edge, which"),
    "current is a folder": (lambda prefix: _file(prefix / "current/notes.txt"), "current: is not the link"),
    "current is a file": (lambda prefix: _file(prefix / "current"), "current: is not the link"),
    "current leads out": (_link("current", "../elsewhere"), "current: is not the link"),
    "current leads out through versions": (_link("current", "versions/../../elsewhere"), "current: is not the link"),
    "previous leads out": (_link("previous", "/etc"), "previous: is not the link"),
    "the lock is a link": (_link(".lock", "../elsewhere/notes.txt"), ".lock: is not the lock file"),
    "the lock is a file's second name": (_second_name, ".lock: is not the lock file"),
    "the lock has content": (lambda prefix: _file(prefix / ".lock"), ".lock: is not the lock file"),
    "the lock is a folder": (lambda prefix: (prefix / ".lock").mkdir(parents=True), ".lock: is not the lock file"),
    "the prefix is a file": (_file, "not a folder, nor a link to one"),
    "the prefix is a dangling link": (lambda prefix: prefix.symlink_to("nowhere"), "not a folder, nor a link to one"),
    "the prefix is a link to itself": (_loop, "choose another --prefix"),
}


@pytest.mark.parametrize("name", _FOREIGN)
def test_a_foreign_folder_is_refused_and_not_changed(name: str, tmp_path: Path) -> None:
    make, words = _FOREIGN[name]
    make(tmp_path / "prefix")
    before = everything(tmp_path)
    assert before
    for refuse in (release.claim, release.check):
        with pytest.raises((ReleaseError, OSError)) as caught:
            refuse(tmp_path / "prefix")
        assert words in str(caught.value)
        assert "choose another --prefix" in str(caught.value)
        assert everything(tmp_path) == before


@pytest.mark.parametrize(
    "name", ["pyenv", "versions is a link", "the lock is a link", "the prefix is a link to itself"]
)
def test_the_commands_refuse_a_foreign_folder_in_one_line(name: str, bundle_file: Path, tmp_path: Path) -> None:
    make, words = _FOREIGN[name]
    make(tmp_path / "prefix")
    before = everything(tmp_path)
    assert_fails(install(bundle_file, tmp_path / "prefix", "--no-compile"), 1, words, "choose", "nothing was changed")
    assert_fails(install(bundle_file, tmp_path / "prefix", "--rollback"), 1, str(tmp_path / "prefix"))
    assert everything(tmp_path) == before


def test_a_folder_with_what_an_installation_leaves_is_accepted(tmp_path: Path) -> None:
    """Every state that a killed or failed installation leaves, by this release and by those before the marks."""
    states: list[Callable[[Path], object]] = [
        lambda prefix: prefix.mkdir(),
        lambda prefix: (prefix / "versions").mkdir(parents=True),
        lambda prefix: _file(prefix / ".lock", ""),
        lambda prefix: _file(prefix / ".lock", "the installation of 0.1.0-0123456789ab (process 12)\n"),
        lambda prefix: _file(prefix / ".fmnist-edge", ""),
        lambda prefix: _file(prefix / ".incoming-aB3xYz" / "bundle.run"),
        lambda prefix: _file(prefix / "versions" / f".partial-{_NAME}" / "pyvenv.cfg"),
        lambda prefix: version(prefix),
        lambda prefix: version(prefix, mark=False, rollback=True),
        lambda prefix: version(prefix, name=f"{_NAME}.2"),
    ]
    for number, make in enumerate(states):
        prefix = tmp_path / str(number)
        make(prefix)
        release.claim(prefix)
        assert (prefix / ".fmnist-edge").read_text().startswith("The installer of fmnist-edge works here."), number
        release.check(prefix)


def test_an_installation_without_marks_is_recognized_by_its_current_version(
    tmp_path: Path,
) -> None:
    version(tmp_path, mark=False, rollback=True)
    (tmp_path / "current").symlink_to(f"versions/{_NAME}")
    _file(tmp_path / "notes.txt")
    _file(tmp_path / "versions" / "3.11.7" / "python")
    release.claim(tmp_path)
    assert release.prune(tmp_path) == [f"{tmp_path}/versions/3.11.7 stays: fmnist-edge did not make it"]
    assert (tmp_path / "notes.txt").exists()
    assert versions(tmp_path) == {"3.11.7", _NAME}


def test_pruning_removes_what_the_installer_made_and_nothing_else(tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    release.claim(prefix)
    names = [f"0.1.0-00000000000{number}" for number in range(8)]
    current_one, previous, old, before_marks, photos, linked_out, edited, byte_code = (
        version(prefix, name, mark=number != 3, rollback=number == 3) for number, name in enumerate(names)
    )
    (prefix / "current").symlink_to(f"versions/{current_one.name}")
    (prefix / "previous").symlink_to(f"versions/{previous.name}")
    _file(photos / "photos" / "a.jpg")
    _file(tmp_path / "elsewhere" / "notes.txt")
    (linked_out / "lib").symlink_to(tmp_path / "elsewhere")
    (edited / "bundle.json").write_text("{}")
    _file(byte_code / "bin" / "__pycache__" / "mine.cpython-311.pyc")
    stranger = prefix / "versions" / "3.11.7"
    _file(stranger / "bin" / "python")
    (prefix / "versions" / "0.1.0-000000000009").symlink_to(tmp_path / "elsewhere")
    _file(prefix / "versions" / f".partial-{_NAME}" / "bin" / "python")
    made, brought = "fmnist-edge did not make it", "which its bundle did not bring; remove it by hand"
    assert [line.removeprefix(f"{prefix}/versions/") for line in release.prune(prefix)] == [
        f"{photos.name} stays: it holds photos, {brought}",
        f"{linked_out.name} stays: it holds lib, {brought}",
        f"{edited.name} stays: {made}",
        f"{byte_code.name} stays: it holds bin/__pycache__/mine.cpython-311.pyc, {brought}",
        f"0.1.0-000000000009 stays: {made}",
        f"{stranger.name} stays: {made}",
    ]
    assert not old.exists()
    assert not before_marks.exists()
    assert not (prefix / "versions" / f".partial-{_NAME}").exists()
    assert (photos / "photos" / "a.jpg").exists()
    assert (tmp_path / "elsewhere" / "notes.txt").read_text() == "precious\n"
    assert stranger.exists()
    assert current_one.exists()
    assert previous.exists()


def test_foreign_names_are_printed_without_control_sequences(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    release.claim(tmp_path)
    (tmp_path / "versions" / "\x1b[31m\u202emine\udcff").mkdir()
    assert output.show("\n".join(["first", *release.prune(tmp_path)])) == 0
    stays = f"{tmp_path}/versions/\\x1b[31m\\u202emine\\udcff stays: fmnist-edge did not make it"
    assert capsys.readouterr().out == f"first\n{stays}\n"


def test_old_copies_by_ssh_are_removed_unless_they_hold_other_files(tmp_path: Path) -> None:
    release.claim(tmp_path)
    for name, file in (
        (".incoming-aaaaaa", "bundle.run"),
        (".incoming-bbbbbb", "x"),
        (".incoming-cccccc", "bundle.run"),
    ):
        _file(tmp_path / name / file)
        if "c" not in name[-1]:
            os.utime(tmp_path / name, (0, 0))
    release.prune(tmp_path)
    assert sorted(path.name for path in tmp_path.glob(".incoming-*")) == [".incoming-bbbbbb", ".incoming-cccccc"]


def test_a_temporary_name_that_is_in_use_is_refused(tmp_path: Path) -> None:
    release.claim(tmp_path)
    _file(tmp_path / "versions" / f".partial-{_NAME}" / "notes.txt")
    with (
        pytest.raises(ReleaseError, match="did not make that; move it away"),
        release.new_version(tmp_path, _NAME, b"{}"),
    ):
        pass
    _file(tmp_path / ".current.new")
    with pytest.raises(ReleaseError, match=r"\.current\.new: fmnist-edge did not make that"):
        release.switch(tmp_path, version(tmp_path))
    assert (tmp_path / ".current.new").read_text() == "precious\n"
    assert (tmp_path / "versions" / f".partial-{_NAME}" / "notes.txt").exists()


def test_an_installation_of_a_release_before_the_marks_is_upgraded_and_pruned(
    bundle_file: Path, tmp_path: Path
) -> None:
    """The prefix is a link to the folder that the installation is in, which is somebody's right."""
    (tmp_path / "disk").mkdir()
    prefix = tmp_path / "prefix"
    prefix.symlink_to("disk")
    assert install(bundle_file, prefix).returncode == 0
    first = current(prefix)
    # What those releases did not write.
    for path in (
        prefix / ".fmnist-edge",
        *(prefix / "versions" / first / name for name in (".fmnist-edge", "bin/fmnist-classify-socket")),
    ):
        path.unlink()
    (prefix / ".lock").write_text("")
    _file(prefix / "notes.txt")
    two, three = (other_bundle(bundle_file, tmp_path / name) for name in ("two.run", "three.run"))
    result = install(two, prefix, "--no-compile", "--json")
    assert result.returncode == 0, result.stderr
    assert (json.loads(result.stdout)["before"], json.loads(result.stdout)["stays"]) == (first, [])
    second = current(prefix)
    result = install(three, prefix, "--no-compile")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f"passed: {prefix}/current is {current(prefix)}\n")
    assert f"{second} is kept; go back to it with: {prefix}/current/bin/fmnist-rollback" in result.stdout
    assert versions(prefix) == {second, current(prefix)}, "the first one, with its byte code, is pruned"
    assert (prefix / "notes.txt").read_text() == "precious\n"
    assert prefix.is_symlink()
    # Somebody's file in a version keeps it, and that is said.
    _file(prefix / "versions" / second / "models" / "mine.tflite")
    result = install(bundle_file, prefix, "--no-compile")
    stays = f"{prefix}/versions/{second} stays: it holds models/mine.tflite, which its bundle did not bring"
    assert stays in result.stdout
    assert (prefix / "versions" / second / "models" / "mine.tflite").exists()


def test_the_holder_of_the_lock_is_named(bundle_file: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    release.claim(prefix)
    with release.locked(prefix, "the installation of 0.1.0-0123456789ab"):
        holder = f"in use by the installation of 0.1.0-0123456789ab (process {os.getpid()})"
        assert_fails(install(bundle_file, prefix), 1, "another installation is running there", holder, "wait")
    assert (prefix / ".lock").read_text() == ""


def test_a_prefix_that_no_script_can_name_is_refused_in_one_line(bundle_file: Path, tmp_path: Path) -> None:
    for name, words in {
        "a b": "holds a blank, which the first line of a script cannot",
        "a\nb": "holds a blank, which the first line of a script cannot",
        "a\x1b[31mb": "cannot be printed",
        "a\udcffb": "cannot be printed",
        "a" * 200: "too long",
    }.items():
        result = install(bundle_file, tmp_path / name)
        assert_fails(result, 1, words, "choose another --prefix")
        assert "\x1b" not in result.stderr
    assert_fails(install(bundle_file, Path("~no-such-user/x")), 1, "give --prefix as an absolute path")
    assert list(tmp_path.iterdir()) == []


def test_a_prefix_with_special_characters_of_shells_and_systemd_works(bundle_file: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "-a%h;$HOME&'b\"c\\d`e`ümläut"
    for path in (bundle_file, other_bundle(bundle_file, tmp_path / "two.run")):
        result = install(path, prefix, "--no-compile")
        assert result.returncode == 0, result.stderr
    printed = next(line for line in result.stdout.splitlines() if "back to it with: " in line).partition("with: ")[2]
    # As a person does: paste what was printed.
    back = subprocess.run(["sh", "-c", f"{printed} --json"], capture_output=True, text=True, check=True)
    assert json.loads(back.stdout)["version"] == current(prefix)
    doctor = subprocess.run(
        [prefix / "current/bin/fmnist-doctor", "--json"], capture_output=True, text=True, check=True
    )
    assert json.loads(doctor.stdout)["works"] is True
