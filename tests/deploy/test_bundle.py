"""A real bundle, run as a board runs it: by sh and the system's Python, with no network."""

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from bundles import MODEL, PATH, current, install, other_bundle, versions
from environments import find_python
from helpers import assert_fails, run_command
from interruption import interrupt
from signals import heed_hangups

from fmnist_deploy import bundle
from fmnist_deploy.boards import Board
from fmnist_deploy.summary import run_command as install_command
from fmnist_deploy.target.formats import archive
from fmnist_runtime.errors import FmnistError
from fmnist_runtime.model import shipped


def test_it_installs_without_network_pip_or_a_virtual_environment_and_answers(
    bundle_file: Path, tmp_path: Path, test_images_file: Path
) -> None:
    prefix = tmp_path / "prefix"
    result = install(bundle_file, prefix, "--json")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["doctor"]["works"] is True
    assert document["verify"][0]["passed"] is True
    assert document["before"] is None
    assert current(prefix) == document["version"]
    commands = prefix / "current" / "bin"
    result = run_command("fmnist-classify", test_images_file, "--index", 0, folder=commands)
    assert "Ankle boot" in result.stdout
    assert (
        str(prefix)
        in subprocess.check_output([commands / "python", "-c", "import numpy; print(numpy.__file__)"]).decode()
    )
    assert not (commands / "fmnist-train").exists()
    assert list(prefix.glob("versions/*/lib/*/site-packages/click/__pycache__/*.pyc"))


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_copy_that_is_cut_off_installs_nothing_and_is_reported(
    shell: str, empty_bundle: bytes, tmp_path: Path
) -> None:
    """Every length of the script, and 40 of the ZIP behind it. Only an empty file is a script that does nothing."""
    path, prefix = tmp_path / "cut.run", tmp_path / "prefix"
    script = len(empty_bundle) - int(archive._STATED.search(empty_bundle)[1])
    lengths = [*range(script + 2), *np.linspace(script, len(empty_bundle) - 1, 40).astype(int).tolist()]
    codes = {}
    for length in lengths:
        path.write_bytes(empty_bundle[:length])
        result = subprocess.run([shell, path, "--prefix", prefix], capture_output=True, text=True, check=False)
        codes[length] = result.returncode
        assert not result.stdout, length
        assert bool(result.stderr) == bool(length), length
        assert len(result.stderr.splitlines()) <= (1 if shell == "sh" else 2), (length, result.stderr)
        assert "Traceback" not in result.stderr
    assert not prefix.exists()
    assert codes.pop(0) == 0, "no content can change that"
    assert set(codes.values()) <= {1, 2}, {length for length, code in codes.items() if code not in (1, 2)}
    path.write_bytes(empty_bundle)
    assert install(path, prefix, "--check").returncode == 0, "the whole file is refused too"


def test_an_empty_or_cut_copy_is_refused_by_the_command_that_is_printed(empty_bundle: bytes, tmp_path: Path) -> None:
    """That is how an empty file is noticed; with names that a shell and sha256sum read in their own ways."""
    digest = hashlib.sha256(empty_bundle).hexdigest()
    for name in ("x.run", "a b.run", "-x.run", "q'u\"o.run", "$HOME `x`.run", "back\\slash.run", "two\nlines.run", "*"):
        path = tmp_path / name
        command = install_command(name, digest)
        for content, code in ((empty_bundle, 0), (b"", 1), (empty_bundle[:40], 1)):
            path.write_bytes(content)
            result = subprocess.run(
                ["sh", "-c", f"{command} --check"],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
                env={**os.environ, "PATH": PATH},
            )
            assert result.returncode == code, (name, result)
            assert ("passed: intact, and fit for this machine" in result.stdout) == (code == 0)
        path.unlink()


def test_check_accepts_an_intact_bundle_and_refuses_any_other_file(empty_bundle: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.run"
    path.write_bytes(empty_bundle)
    result = run_command("fmnist-bundle", "--check", path)
    digest = hashlib.sha256(empty_bundle[-int(archive._STATED.search(empty_bundle)[1]) :]).hexdigest()
    assert result.stdout == f"passed: {path} is intact: 0.1.0-{digest[:12]} for x86-64 with no model\n"
    assert json.loads(run_command("fmnist-bundle", "--check", path, "--json").stdout)["checked"] is True
    empty, nested = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(empty, "w"):
        pass
    with zipfile.ZipFile(nested, "w") as content:
        content.writestr("bundle.json", "[" * 100_000)
    for content, words in (
        (b"", "empty, 0 bytes, expected a bundle; copy it again"),
        (empty_bundle[:40], "damaged, or not a bundle"),
        (empty_bundle[:-1], "damaged"),
        (empty_bundle[: len(empty_bundle) // 2], "damaged"),
        (b"x" + empty_bundle[1:], "damaged, its bytes are not those that were made"),
        (empty_bundle + b"x", "damaged"),
        (empty.getvalue(), "damaged, or not a bundle"),
        (nested.getvalue(), "damaged, or not a bundle"),
        (b"\x00" * 5000, "damaged, or not a bundle"),
    ):
        path.write_bytes(content)
        assert_fails(run_command("fmnist-bundle", "--check", path), 1, str(path), words)
    assert_fails(run_command("fmnist-bundle", "--check", tmp_path / "no.run"), 1, "no.run", "No such file")
    assert_fails(run_command("fmnist-bundle", "--check", tmp_path), 1, "Is a directory")
    assert_fails(run_command("fmnist-bundle", "x86-64", "--check", path), 2, "give nothing else")


def test_a_model_with_an_unprintable_name_or_a_path_outside_is_refused(here: Board, tmp_path: Path) -> None:
    for name in ("two\nlines", "esc\x1b[31m", "not\udcffutf8"):
        model = tmp_path / f"{name}-int8.tflite"
        shutil.copy(MODEL, model)
        shutil.copy(shipped.golden_path("mlp"), tmp_path / f"{name}-golden.npz")
        result = run_command("fmnist-bundle", "x86-64", "--model", model, "-o", tmp_path / "x.run")
        assert_fails(result, 1, "holds a character that cannot be printed; rename it")
        assert "\x1b" not in result.stderr
        assert not (tmp_path / "x.run").exists()
    # A manifest that was made by hand, with right digests, does not lead out of the folder.
    for name in ("../../x", "/etc/x", "models/../../x", "models/a/b", "models/\n"):
        model = bundle.BundledModel("x", b"", "y", b"", ())
        content = bundle.pack(here, [model], {})
        path = tmp_path / "made.run"
        path.write_bytes(_with_model_named(here, content, name))
        assert_fails(install(path, tmp_path / "prefix", "--check"), 1, "expected models/NAME")


def _with_model_named(here: Board, content: bytes, name: str) -> bytes:
    """The bundle `content` with another name for its model in the manifest, and every digest made anew."""
    with zipfile.ZipFile(io.BytesIO(content)) as archived:
        members = {one: archived.read(one) for one in archived.namelist()}
    members["bundle.json"] = members["bundle.json"].replace(b'"models/x": {', json.dumps(name).encode() + b": {")
    payload = bundle._zip(members)
    return archive.header(here.name, "0.1.0", here.python, len(payload), hashlib.sha256(payload).hexdigest()) + payload


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_installation_leaves_nothing_and_ends_with_its_code(
    number: signal.Signals, bundle_file: Path, tmp_path: Path
) -> None:
    prefix = tmp_path / "prefix"
    process = subprocess.Popen(
        ["sh", bundle_file, "--prefix", prefix],
        env={**os.environ, "PATH": PATH},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_hangups,
    )
    error = interrupt(process, lambda: list(prefix.glob("versions/.partial-*/models/*")), number=number)
    assert (process.returncode, error) == (128 + number, "fmnist-bundle: interrupted; nothing was changed\n")
    assert versions(prefix) == set()
    assert not (prefix / "current").is_symlink()


def test_an_installation_passes_where_nobody_reads_its_result(bundle_file: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    command = f"exec sh {bundle_file} --prefix {prefix} --no-compile"
    assert install(bundle_file, prefix, "--no-compile").returncode == 0
    words = ["bash", "-c", f"set -o pipefail; ({command}) | true"]
    result = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, "PATH": PATH})
    assert (result.returncode, result.stderr) == (0, "")
    words = ["bash", "-c", f"{command} >/dev/full"]
    result = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, "PATH": PATH})
    assert_fails(result, 1, "it is done, but the result cannot be printed (No space left on device)")


def test_the_python_side_detects_every_cut(empty_bundle: bytes, here: Board, tmp_path: Path) -> None:
    path = tmp_path / "cut.run"
    facts = here.name, "0.1.0", here.python
    path.write_bytes(empty_bundle)
    archive.check(path, *facts)
    for length in range(0, len(empty_bundle), 101):
        path.write_bytes(empty_bundle[:length])
        with pytest.raises(archive.ArchiveError, match="copy it again"):
            archive.check(path, *facts)


def test_a_changed_byte_anywhere_is_detected(empty_bundle: bytes, here: Board, tmp_path: Path) -> None:
    path = tmp_path / "changed.run"
    for position in range(0, len(empty_bundle), 97):
        content = bytearray(empty_bundle)
        content[position] ^= 1
        path.write_bytes(content)
        with pytest.raises(archive.ArchiveError, match="copy it again"):
            archive.check(path, here.name, "0.1.0", here.python)
    content = bytearray(empty_bundle)
    content[-100] ^= 1
    path.write_bytes(content)
    assert_fails(install(path, tmp_path / "prefix"), 1)
    path.write_bytes(empty_bundle + b"x")
    result = install(path, tmp_path / "prefix")
    assert result.returncode == 1
    assert "cut off or changed" in result.stderr


def test_an_upgrade_keeps_the_version_before_and_rolls_back(bundle_file: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    names = []
    for path in (
        bundle_file,
        other_bundle(bundle_file, tmp_path / "two.run"),
        other_bundle(bundle_file, tmp_path / "three.run"),
    ):
        result = install(path, prefix, "--json", "--no-compile")
        assert result.returncode == 0, result.stderr
        document = json.loads(result.stdout)
        assert document["before"] == (names[-1] if names else None)
        names.append(document["version"])
    assert versions(prefix) == set(names[1:]), "the current and the one before stay"
    assert (prefix / "current" / "models" / "three-int8.tflite").exists()
    rollback = prefix / "current" / "bin" / "fmnist-rollback"
    result = subprocess.run([rollback, "--json"], capture_output=True, text=True, check=True)
    assert json.loads(result.stdout)["version"] == names[1]
    assert current(prefix) == names[1]
    assert (
        run_command(
            "fmnist-verify", prefix / "current/models/two-int8.tflite", folder=prefix / "current/bin"
        ).returncode
        == 0
    )
    assert install(bundle_file, prefix, "--rollback").returncode == 0
    assert current(prefix) == names[2]
    # Once more the version that is there: nothing is unpacked, nothing lost.
    result = install(tmp_path / "three.run", prefix, "--json")
    assert json.loads(result.stdout)["before"] is None
    assert versions(prefix) == set(names[1:])


def test_a_version_that_fails_verification_does_not_become_the_current_one(bundle_file: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    assert install(bundle_file, prefix, "--no-compile").returncode == 0
    before = versions(prefix)
    result = install(other_bundle(bundle_file, tmp_path / "wrong.run", weights=True), prefix)
    assert_fails(result, 1, "fmnist-verify fails here", "the current version stays")
    assert versions(prefix) == before == {current(prefix)}


def test_a_full_disk_is_reported_and_nothing_is_changed(
    bundle_file: Path, small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = small_disk / "prefix"
    assert_fails(install(bundle_file, prefix), 1, "the disk is too full", "MB are needed", "nothing was changed")
    assert versions(prefix) == set()
    # A bundle that takes itself for tiny meets the full disk while it writes.
    monkeypatch.setattr(bundle, "_unpacked_bytes", lambda contents: -100_000_000)
    result = install(other_bundle(bundle_file, tmp_path / "tiny.run"), prefix)
    assert_fails(result, 1, "No space left on device", "free some space", "nothing was changed")
    assert versions(prefix) == set()
    assert not (prefix / "current").is_symlink()


def test_a_killed_installation_leaves_no_version_and_the_next_one_clears_up(bundle_file: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    process = subprocess.Popen(["sh", bundle_file, "--prefix", prefix], env={**os.environ, "PATH": PATH})
    while not list(prefix.glob("versions/.partial-*/lib/*/site-packages/*")):
        assert process.poll() is None, "it ended before it could be killed"
    process.kill()
    process.wait()
    assert not (prefix / "current").is_symlink()
    assert install(bundle_file, prefix, "--no-compile").returncode == 0
    assert versions(prefix) == {current(prefix)}


def test_a_second_installation_at_the_same_time_is_refused(bundle_file: Path, tmp_path: Path) -> None:
    import fcntl

    prefix = tmp_path / "prefix"
    prefix.mkdir()
    with (prefix / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert_fails(install(bundle_file, prefix), 1, "another installation is running there")


def test_bad_prefixes_are_refused_in_one_line(bundle_file: Path, tmp_path: Path, read_only_folder: Path) -> None:
    assert_fails(
        install(bundle_file, tmp_path / "a b"), 1, "holds a blank, which the first line of a script cannot", "--prefix"
    )
    assert_fails(install(bundle_file, read_only_folder / "x"), 1, "choose another --prefix")
    assert_fails(install(bundle_file, tmp_path / "none", "--rollback"), 1, "nothing is installed there")
    (tmp_path / "empty").mkdir()
    assert_fails(install(bundle_file, tmp_path / "empty", "--rollback"), 1, "no previous version")


@pytest.mark.parametrize("version", ["3.9", "3.8", "3.13"])
def test_another_python_is_refused_in_one_line_with_the_way_out(
    version: str, empty_bundle: bytes, here: Board, tmp_path: Path
) -> None:
    if version == ".".join(map(str, here.python)):
        pytest.skip("it is the bundle's own")
    path = tmp_path / "empty.run"
    path.write_bytes(empty_bundle)
    result = install(path, tmp_path / "prefix", python=find_python(version))
    older = int(version.partition(".")[2]) < 10
    words = "is too old: this bundle is for" if older else f"make one with: fmnist-bundle x86-64 --python {version}"
    assert_fails(result, 1, version, words)
    assert not (tmp_path / "prefix").exists()


def test_an_old_python_or_none_is_refused_in_one_line(empty_bundle: bytes, tmp_path: Path) -> None:
    path, folder = tmp_path / "empty.run", tmp_path / "bin"
    path.write_bytes(empty_bundle)
    folder.mkdir()
    for name in ("sh", "wc", "tail", "sha256sum", "cut"):
        (folder / name).symlink_to(str(shutil.which(name)))
    words = ["sh", path, "--prefix", tmp_path / "prefix"]
    run = {"env": {"PATH": str(folder)}, "capture_output": True, "text": True, "check": False}
    assert_fails(subprocess.run(words, **run), 1, "there is no python3 here", "sudo apt install python3")
    (folder / "python3").symlink_to(find_python("3.9"))
    assert_fails(subprocess.run(words, **run), 1, "Python 3.9 is too old")
    assert not (tmp_path / "prefix").exists()


def test_the_service_is_two_units_that_systemd_accepts(bundle_file: Path, tmp_path: Path) -> None:
    prefix, units = tmp_path / "prefix", tmp_path / "units"
    result = install(bundle_file, prefix, "--service", "--units", units, "--no-compile")
    assert result.returncode == 0, result.stderr
    assert "enable --now fmnist-classify.socket" in result.stdout
    assert {path.name for path in units.iterdir()} == {"fmnist-classify.socket", "fmnist-classify@.service"}
    start = next(
        line.partition("=")[2]
        for line in (units / "fmnist-classify@.service").read_text().splitlines()
        if line.startswith("ExecStart=")
    )
    frames = np.zeros((2, 28, 28), np.uint8).tobytes()
    answers = subprocess.run(start.split(), input=frames, capture_output=True, check=True).stdout.splitlines()
    assert len([json.loads(line)["label"] for line in answers]) == 2
    analyze = shutil.which("systemd-analyze")
    if analyze:
        verified = subprocess.run([analyze, "verify", *units.iterdir()], capture_output=True, text=True, check=False)
        assert "fmnist-classify" not in verified.stderr, verified.stderr


def test_the_same_parts_give_the_same_bytes(here: Board, empty_bundle: bytes) -> None:
    assert bundle.pack(here, [], {}) == empty_bundle


def test_models_need_a_golden_file_and_different_names(tmp_path: Path) -> None:
    model = Path(shutil.copy(MODEL, tmp_path / "a-int8.tflite"))
    with pytest.raises(FmnistError, match=r"a-golden.npz: no such file"):
        bundle.read_models([model])
    shutil.copy(shipped.golden_path("mlp"), tmp_path / "a-golden.npz")
    assert [model.name for model in bundle.read_models([model])] == ["a-int8.tflite"]
    assert [model.name for model in bundle.read_models([Path("mlp")])] == ["mlp-int8.tflite"]
    everything = bundle.read_models([])
    assert everything[0].name == shipped.SHIPPED[shipped.DEFAULT]
    assert {model.name for model in everything} == set(shipped.SHIPPED.values())
    with pytest.raises(FmnistError, match="another model of the bundle has the same name"):
        bundle.read_models([model, model])


def test_the_command_makes_a_bundle_that_passes_its_check(
    wheel: Path, wheelhouse: dict[str, str], tmp_path: Path
) -> None:
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    path = tmp_path / "x.run"
    result = run_command(
        "fmnist-bundle", "x86-64", "--python", version, "--wheel", wheel, "-o", path, "--json", env=wheelhouse
    )
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["bytes"] == path.stat().st_size
    result = install(path, tmp_path / "prefix", "--check")
    assert "passed: intact, and fit for this machine" in result.stdout
    assert not (tmp_path / "prefix").exists()


def test_bad_options_are_refused_in_one_line(tmp_path: Path) -> None:
    assert_fails(run_command("fmnist-bundle"), 2, "name a board")
    assert_fails(run_command("fmnist-bundle", "pi5"), 1, "unknown board, expected pi-bookworm-64")
    assert_fails(run_command("fmnist-bundle", "pi-trixie-32"), 1, "install the 64-bit Raspberry Pi OS")
    assert_fails(run_command("fmnist-bundle", "x86-64", "--python", "3"), 2, "--python")
    assert_fails(run_command("fmnist-bundle", "x86-64", "--rollback"), 2, "go with --to")
    assert_fails(run_command("fmnist-bundle", "--to", "x@y", "--prefix", "a"), 2, "expected an absolute path there")
    assert_fails(run_command("fmnist-bundle", "x86-64", "--model", tmp_path / "no.tflite"), 1, "no such file")
    assert_fails(run_command("fmnist-bundle", "x86-64", "--wheel", tmp_path / "no.whl"), 1, "no.whl", "not a wheel")
