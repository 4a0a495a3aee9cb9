"""No reader of a file lets anything but the project's error through, whatever is in it, nor takes much memory.

Some hundred files a reader, always the same; programs/fuzz.py makes and reads any number of others.
"""

import json
import sys
from pathlib import Path

import pytest
from environments import run_python
from helpers import ROOT

PROGRAM = ROOT / "tests" / "runtime" / "programs" / "fuzz.py"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reader", "count", "least_accepted", "least_refused"),
    [
        ("golden", 120, 5, 80),
        ("description", 150, 30, 60),
        ("idx", 400, 4, 300),
        ("npy", 400, 50, 250),
        ("labels", 400, 50, 200),
    ],
)
def test_a_damaged_file_is_read_or_refused_in_one_line(
    reader: str, count: int, least_accepted: int, least_refused: int
) -> None:
    result = run_python(Path(sys.executable), "-W", "error", PROGRAM, reader, 0, count)
    assert result.returncode == 0, result.stderr[-2000:]
    found = json.loads(result.stdout)
    assert found["failed"] == {}
    assert found["accepted"] >= least_accepted
    assert found["refused"] >= least_refused
    assert found["accepted"] + found["refused"] == count
