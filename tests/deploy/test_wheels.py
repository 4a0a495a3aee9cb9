"""Wheels unpacked without pip, and fmnist-edge's own packed again from where it is installed."""

import io
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from fmnist_deploy import wheels
from fmnist_deploy.target.formats.wheel import WheelError, commands, script, unpack


def _wheel(members: dict[str, str], record: str | None = None) -> zipfile.ZipFile:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        listed = "".join(f"{name},,\n" for name in members) if record is None else record
        archive.writestr("x-1.dist-info/RECORD", f"{listed}x-1.dist-info/RECORD,,\n")
    return zipfile.ZipFile(buffer)


def test_modules_are_unpacked_to_the_places_of_the_format(tmp_path: Path) -> None:
    archive = _wheel({"x/a.py": "a", "x-1.data/purelib/x/b.py": "b", "x-1.data/scripts/run": "c"})
    unpack(archive, tmp_path)
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {"x/a.py", "x/b.py", "x-1.dist-info/RECORD"}


@pytest.mark.parametrize("name", ["../a.py", "/a.py", "x/../../a.py", "x\\..\\a.py"])
def test_a_name_that_leads_out_of_the_folder_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(WheelError, match="leads out of its folder"):
        unpack(_wheel({name: "a"}), tmp_path / "site")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_file_that_does_not_match_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WheelError, match=r"x.py is not the file that its wheel lists"):
        unpack(_wheel({"x.py": "a"}, "x.py,sha256=AAAA,1\n"), tmp_path)
    with pytest.raises(WheelError, match=r"x.py is not the file"):
        unpack(_wheel({"x.py": "a"}, ""), tmp_path)


def test_commands_are_the_console_scripts(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        found = commands(archive)
    assert found["fmnist-doctor"] == ("fmnist_runtime.commands.doctor", "main")
    assert script("/x/python", "a.b", "main").startswith("#!/x/python\n")
    assert commands(_wheel({})) == {}


def test_the_installed_files_make_the_wheel_that_they_came_from(base_bin: Path, wheel: Path, tmp_path: Path) -> None:
    site = next(base_bin.parent.glob("lib/python3.*/site-packages"))
    installed = next(iter(metadata.distributions(name="fmnist-edge", path=[str(site)])))
    again = wheels.repack(installed, tmp_path)
    assert again.name == wheel.name
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(again) as other:
        names = {name for name in one.namelist() if not name.endswith("/RECORD")}
        assert {name for name in other.namelist() if not name.endswith("/RECORD")} == names
        assert all(one.read(name) == other.read(name) for name in names)
        unpack(other, tmp_path / "site")
    assert (tmp_path / "site/fmnist_runtime/models/mlp-int8.tflite").exists()
