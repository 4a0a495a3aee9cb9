"""Run the device matrix: python -m fmnist_deploy.devices --wheel FILE --models DIR, or `make devices`."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from fmnist_runtime.commandline import FILE, Command, print_json, warn


@click.command("fmnist_deploy.devices", cls=Command)
@click.option("--wheel", type=FILE, metavar="FILE", help="fmnist-edge's wheel.  [default: made from the installed one]")
@click.option(
    "--models", "folder", type=FILE, required=True, metavar="DIR", help="Freshly exported files, with golden."
)
@click.option("--data", "data_folder", type=FILE, metavar="DIR", help="Folder of the IDX files.  [default: Debian's]")
@click.option("--images", type=click.IntRange(1, 10_000), default=1000, show_default=True, help="Test images a model.")
@click.option("--jobs", type=click.IntRange(min=1), default=2, show_default=True, help="Cells at a time.")
@click.option("-o", "--output", type=FILE, metavar="DIR", help="Write devices.json and devices.md there.")
@click.option("--json", "as_json", is_flag=True, help="The document on standard output in place of the tables.")
def main(
    wheel: Path | None,
    folder: Path,
    data_folder: Path | None,
    images: int,
    jobs: int,
    output: Path | None,
    as_json: bool,
) -> int:
    """Prove the installed wheel and its models on the boards' own userlands, emulated, and on x86-64.

    A cell that is unavailable here is reported as not run, with the reason. Exit code 1 where a rule is broken.
    """
    import tempfile

    from fmnist_deploy.devices import document, matrix, table
    from fmnist_runtime.data.fashion_mnist_files import DEBIAN_FOLDER
    from fmnist_runtime.system.atomic import make_folder, write_atomically

    with tempfile.TemporaryDirectory(prefix="fmnist-devices-") as scratch, ThreadPoolExecutor(jobs) as pool:
        work = matrix.prepare(Path(scratch), wheel, folder, data_folder or DEBIAN_FOLDER, images)
        found = document.build(list(pool.map(work.run, work.cells)), work.models, images)
    for cell in found["cells"]:
        if cell["not_run"]:
            warn(f"NOT RUN: {cell['cell']}: {cell['not_run']}")
    if not found["emulated_cells"]:
        warn("NOTHING PROVED on ARM: no emulated cell could be run")
    text = table.markdown(found)
    if output:
        make_folder(output)
        write_atomically(output / "devices.md", text.encode())
        import json

        write_atomically(output / "devices.json", (json.dumps(found, indent=1) + "\n").encode())
    if as_json:
        print_json(found, indent=1)
    else:
        click.echo(text, nl=False)
    broken = [rule["rule"] for rule in found["rules"] if not rule["passed"]]
    if broken:
        warn(f"fmnist_deploy.devices: broken: {'; '.join(broken)}; the document lists where")
    return int(bool(broken))


if __name__ == "__main__":
    main()
