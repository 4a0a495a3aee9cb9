"""Training by several workers: TF_CONFIG, the wait for the others, and two real worker processes on this machine."""

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from helpers import ROOT, assert_fails, run_command

from fmnist_benchmarks.training.distributed import free_ports
from fmnist_runtime.errors import TrainingError
from fmnist_train.distributed.cluster import Cluster, read, select, split_address, wait

PROGRAM = ROOT / "tests" / "train" / "programs" / "worker.py"


def _config(addresses: list[str], index: object, **more: Any) -> str:
    return json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}, **more})


def _train(folder: Path, model: str, epochs: int, *more: str, workers: int = 2) -> list[dict[str, Any]]:
    """What each of `workers` processes printed; 0 for one that trains alone."""
    addresses = [f"localhost:{port}" for port in free_ports(workers)]
    environments = [{"TF_CONFIG": _config(addresses, index)} for index in range(workers)] or [{}]
    command = [sys.executable, PROGRAM, folder, model, str(epochs), *more]
    children = [
        subprocess.Popen(command, env={**os.environ, **variables}, stdout=-1, stderr=-1, text=True)
        for variables in environments
    ]
    results = []
    for child in children:
        output, error = child.communicate(timeout=600)
        assert child.returncode == 0, error
        results.append(json.loads(output.splitlines()[-1]))
    return results


def test_a_right_tf_config_gives_addresses_and_index() -> None:
    assert read({}) is None
    assert read({"TF_CONFIG": " "}) is None
    assert read({"TF_CONFIG": _config(["a:1", "b:2"], 1)}) == Cluster(("a:1", "b:2"), 1)
    assert read({"TF_CONFIG": _config(["a:1", "b:2"], "1")}) == Cluster(("a:1", "b:2"), 1)
    with_chief = {"chief": ["c:3"], "worker": ["a:1", "b:2"], "evaluator": ["e:5"]}
    for job, index, position in (("chief", 0, 0), ("worker", 0, 1), ("worker", 1, 2)):
        text = json.dumps({"cluster": with_chief, "task": {"type": job, "index": index}})
        assert read({"TF_CONFIG": text}) == Cluster(("c:3", "a:1", "b:2"), position)
    assert Cluster(("a:1", "b:2"), 0).is_chief
    assert Cluster(("a:1", "b:2", "c:3"), 1).others == (0, 2)
    assert split_address("[::1]:2222") == ("::1", 2222)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{", "not JSON"),
        ("[]", "no cluster"),
        ("{}", "no cluster"),
        ('{"cluster": {"worker": "a:1"}}', "not a list"),
        ('{"cluster": {"worker": [1]}}', "not a list"),
        ('{"cluster": {"ps": ["a:1"]}}', "no workers"),
        ('{"cluster": {"chief": ["a:1", "b:2"]}}', "2 chiefs"),
        ('{"cluster": {"worker": ["a:1", "b:2"]}}', "which worker"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker"}}', "which worker"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "ps", "index": 0}}', "'ps'"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "chief", "index": 0}}', "'chief'"),
        (_config(["a:1", "b:2"], 2), "worker 2, but the cluster has 2"),
        (_config(["a:1", "b:2"], -1), "worker -1"),
        (_config(["a:1", "b:2"], None), "worker None"),
        (_config(["a:1", "a:1"], 0), "a:1 twice"),
        (_config(["a"], 0), "'a', expected host:port"),
        (_config([":1"], 0), "expected host:port"),
        (_config(["a:65536"], 0), "expected host:port"),
    ],
)
def test_a_wrong_tf_config_is_refused_with_the_reason(text: str, word: str) -> None:
    with pytest.raises(TrainingError, match=word):
        read({"TF_CONFIG": text})


def test_distribute_selects_a_cluster_or_none() -> None:
    two, one, none = {"TF_CONFIG": _config(["a:1", "b:2"], 0)}, {"TF_CONFIG": _config(["a:1"], 0)}, dict[str, str]()
    assert select("auto", two) == select("multi-worker", two) == Cluster(("a:1", "b:2"), 0)
    assert select("auto", none) is select("auto", one) is None
    assert select("none", two) is select("mirrored", two) is None
    assert select("none", {"TF_CONFIG": "{"}) is None
    assert select("multi-worker", one) == Cluster(("a:1",), 0)
    with pytest.raises(TrainingError, match="without TF_CONFIG"):
        select("multi-worker", none)


def test_the_wait_ends_when_all_are_there_and_names_who_is_missing() -> None:
    addresses = tuple(f"localhost:{port}" for port in free_ports(2))
    both_are_there = threading.Barrier(2, timeout=60)

    def join(index: int) -> None:
        wait(Cluster(addresses, index), 30, print)
        # In the place of TensorFlow, which listens at the address from now on: the other may not have come so far.
        with socket.create_server(("", int(addresses[index].rpartition(":")[2]))):
            both_are_there.wait()

    other = threading.Thread(target=join, args=(1,))
    other.start()
    join(0)
    other.join(60)
    assert not other.is_alive()
    said: list[str] = []
    with pytest.raises(TrainingError, match=rf"worker 0 waited 1.5 s for worker 1 at {addresses[1]}"):
        wait(Cluster(addresses, 0), 1.5, said.append)
    assert said == [f"worker 0 is waiting for worker 1 at {addresses[1]}"]


def test_a_taken_port_is_refused_with_the_address() -> None:
    with socket.create_server(("", 0)) as taken:
        address = f"localhost:{taken.getsockname()[1]}"
        with pytest.raises(TrainingError, match=f"worker 0 cannot listen at {address}"):
            wait(Cluster((address, "localhost:1"), 0), 1, print)


@pytest.mark.slow
def test_the_command_refuses_a_wrong_cluster_in_one_line(tmp_path: Path) -> None:
    def run(config: str, *options: object) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "TF_CONFIG": config}
        return run_command("fmnist-train", "-o", tmp_path / "o", *options, env=environment)

    assert_fails(run("{"), 1, "TF_CONFIG is not JSON", "--distribute none")
    assert_fails(run(_config(["a:1", "b:2"], 2)), 1, "worker 2")
    assert_fails(run("", "--distribute", "multi-worker"), 1, "without TF_CONFIG")
    assert_fails(run("", "--distribute", "many"), 2, "--distribute")
    assert not (tmp_path / "o").exists()
    addresses = [f"localhost:{port}" for port in free_ports(2)]
    assert_fails(run(_config(addresses, 0), "--wait", 0.5), 1, "waited 0.5 s for worker 1")


@pytest.mark.slow
def test_two_workers_give_the_loss_of_one_process(tmp_path: Path) -> None:
    (alone,) = _train(tmp_path / "alone", "mlp", 2, workers=0)
    first, second = _train(tmp_path / "two", "mlp", 1)
    assert (first["worker"], second["worker"]) == (0, 1)
    assert first["weights"] == second["weights"]
    first, second = _train(tmp_path / "two", "mlp", 2, "resume")
    assert first["weights"] == second["weights"]
    # The same batches and steps; sums in another order make other last bits, which grow from step to step.
    assert first["history"]["loss"] == pytest.approx(alone["history"]["loss"], rel=0.01)
    assert first["history"] == second["history"]
    assert first["accuracy"] == pytest.approx(alone["accuracy"], abs=0.02)


@pytest.mark.slow
def test_two_workers_with_batch_normalization_have_the_same_weights(tmp_path: Path) -> None:
    first, second = _train(tmp_path, f"{PROGRAM}:build", 1)
    assert first["weights"] == second["weights"]
    assert first["accuracy"] == second["accuracy"] > 0.3
