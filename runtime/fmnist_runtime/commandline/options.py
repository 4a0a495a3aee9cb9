"""The kinds of arguments and the options that several commands share."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fmnist_runtime.errors import PixelRangeError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from fmnist_runtime.images.pixel_range import PixelRange


class _Folder(click.Path):
    """A path for which a shell completes folders only; whether it is one is checked where it is used."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
        """Leave the completion to the shell."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="dir")]


FILE = click.Path(path_type=Path)
FOLDER = _Folder(path_type=Path)

backend_option = click.option(
    "--backend",
    type=click.Choice(["auto", "tflite-runtime", "litert"]),
    default="auto",
    show_default=True,
    help="The interpreter; auto takes the first that works.",
)


def pixel_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --pixels, --mean and --std: its argument `pixels` is the PixelRange that they state, or None."""

    @functools.wraps(function)
    def with_range(*arguments: Any, pixels: str | None, mean: float | None, std: float | None, **options: Any) -> Any:
        return function(*arguments, pixels=_stated_range(pixels, mean, std), **options)

    options = (
        click.option(
            "--pixels",
            metavar="LOW..HIGH",
            help="The real numbers that the pixels 0 and 255 stand for, such as 0..1, 0..255, -1..1, or 1..0 for a "
            "model of inverted images. Needed only where neither the model nor its training.json states them.",
        ),
        click.option(
            "--mean", type=float, metavar="M", help="With --std, the same: a pixel stands for (pixel / 255 - M) / S."
        ),
        click.option("--std", type=float, metavar="S", help="See --mean."),
    )
    for option in reversed(options):
        with_range = option(with_range)
    return with_range


def _stated_range(pixels: str | None, mean: float | None, std: float | None) -> "PixelRange | None":
    """The range that the options state, None where none is given. Raises click.UsageError."""
    if (mean is None) != (std is None):
        raise click.UsageError("--mean and --std belong together; give both, or --pixels LOW..HIGH")
    if pixels is not None and mean is not None:
        raise click.UsageError("--pixels and --mean state the same thing; give one of them")
    from fmnist_runtime.images import pixel_range

    try:
        if pixels is not None:
            return pixel_range.parse(pixels)
        return None if mean is None or std is None else pixel_range.from_mean_std(mean, std)
    except PixelRangeError as error:
        raise click.UsageError(str(error)) from error
