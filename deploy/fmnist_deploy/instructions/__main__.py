"""Count instructions per inference on the emulated processors: python -m fmnist_deploy.instructions --models DIR."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from fmnist_runtime.commandline import FILE, Command, print_json, warn


@click.command("fmnist_deploy.instructions", cls=Command)
@click.option("--models", "folder", type=FILE, required=True, metavar="DIR", help="Files that fmnist-export wrote.")
@click.option("--wheel", type=FILE, metavar="FILE", help="fmnist-edge's wheel.  [default: made from the installed one]")
@click.option(
    "--calls", type=click.IntRange(min=1), default=200, show_default=True, help="Inferences; and twice as many."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def main(folder: Path, wheel: Path | None, calls: int, as_json: bool) -> int:
    """Count the instructions of one inference inside the runtime, and estimate the latency on the boards from that."""
    import tempfile

    import numpy as np

    from fmnist_deploy import wheels
    from fmnist_deploy.devices import matrix, userland
    from fmnist_deploy.devices.cells import CELLS
    from fmnist_deploy.devices.userland import UnavailableError
    from fmnist_deploy.instructions.counting import count_instructions

    models = [model.path for model in matrix.exported(folder)]
    userland.cache().mkdir(parents=True, exist_ok=True)
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="fmnist-count-") as scratch:
        image = Path(scratch, "image.npy")
        # Any picture: the operators run the same instructions for all.
        np.save(image, (np.arange(784) % 256).astype(np.uint8).reshape(28, 28))
        own = wheel or wheels.make_own(Path(scratch))
        for cell in CELLS:
            if cell.userland:
                try:
                    counts = count_instructions(cell, own, models, image, calls)
                    found += [_with_estimates(asdict(count), cell.cpu) for count in counts]
                except UnavailableError as error:
                    warn(f"NOT COUNTED: {cell.name}: {error}")
    if as_json:
        print_json({"calls": calls, "counts": found}, indent=1)
    else:
        click.echo("\n".join(_table(found)))
    return 0


def _with_estimates(count: dict[str, Any], cpu: str) -> dict[str, Any]:
    from fmnist_deploy.instructions.estimate import CORES, microseconds

    estimates = {
        core.board: dict(zip(("shortest_us", "longest_us"), microseconds(count["instructions"], core), strict=True))
        for core in CORES
        if core.cpu == cpu
    }
    return {**count, "estimates": estimates}


def _table(found: list[dict[str, Any]]) -> list[str]:
    lines = ["| cell | runtime | model | instructions per invoke | estimate, not measured |", f"|{' --- |' * 5}"]
    for count in found:
        estimates = "; ".join(
            f"{board} {times['shortest_us']:.0f} to {times['longest_us']:.0f} us"
            for board, times in count["estimates"].items()
        )
        facts = count["cell"], count["runtime"], count["model"], f"{count['instructions']:,.0f}", estimates or "none"
        lines.append(f"| {' | '.join(facts)} |")
    return lines


if __name__ == "__main__":
    main()
