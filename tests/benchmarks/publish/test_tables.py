"""The tables of docs/benchmarks.md are those of the recorded results."""

import json
from pathlib import Path

import pytest
from helpers import BIN, run_command

from fmnist_benchmarks.publish import record, tables
from fmnist_runtime.errors import FmnistError


def test_the_page_says_what_was_measured() -> None:
    text = tables.PAGE.read_text()
    assert all(f"<!-- benchmark:{name} -->\n" in text for name in tables.TABLES)
    assert tables.fill(text, record.read(tables.REFERENCE)) == text


def test_a_table_that_was_typed_by_hand_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text("before\n<!-- benchmark:machine -->\nthe fastest of all\n<!-- /benchmark:machine -->\nbehind\n")
    command = ("-m", "fmnist_benchmarks.publish.tables", page)
    assert run_command("python", *command, "--check", folder=BIN).returncode == 1
    assert run_command("python", *command, folder=BIN).returncode == 0
    assert run_command("python", *command, "--check", folder=BIN).returncode == 0
    text = page.read_text()
    assert "fastest" not in text
    assert record.read(tables.REFERENCE)["machine"]["cpu"] in text
    assert text.startswith("before\n<!-- benchmark:machine -->\n")
    assert text.endswith("\n<!-- /benchmark:machine -->\nbehind\n")


def test_an_unknown_table_is_refused() -> None:
    with pytest.raises(FmnistError, match="benchmark:speed is unknown, expected one of machine"):
        tables.fill("<!-- benchmark:speed -->\n<!-- /benchmark:speed -->", {})


def test_every_part_has_its_command(tmp_path: Path) -> None:
    document = record.read(tables.REFERENCE)
    assert set(document["parts"]) == set(record.PARTS)
    for part in document["parts"].values():
        assert part["command"].startswith(("fmnist-benchmark ", "python -m fmnist_benchmarks."))
        assert part["result"]["machine"]["cpu"] == document["machine"]["cpu"]
    (tmp_path / "other.json").write_text(json.dumps({**document, "schema": 9}))
    with pytest.raises(FmnistError, match="schema 1"):
        record.read(tmp_path / "other.json")


def test_a_part_without_its_folder_is_refused_before_anything_is_measured() -> None:
    result = run_command("python", "-m", "fmnist_benchmarks.publish.record", "other", "--only", "frontier", folder=BIN)
    assert result.returncode == 2
    assert "the part frontier needs --ladder FOLDER" in result.stderr
