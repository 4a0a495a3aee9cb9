"""What every fmnist-* command shares: errors in one line, exit codes, options, output, completion.

Exit codes: 0 done, 1 a check failed or an error, 2 wrong usage, 130 interrupted. Imports click and nothing heavier, so
that `--help` and shell completion answer at once.
"""

from fmnist_runtime.commandline.command import INTERRUPTED, Command, Example, StreamingCommand
from fmnist_runtime.commandline.options import FILE, FOLDER, backend_option, pixel_options
from fmnist_runtime.commandline.output import print_json, print_text, warn
from fmnist_runtime.commandline.streams import discard_output, quiet_stderr
from fmnist_runtime.system.terminal import printable

__all__ = [
    "FILE",
    "FOLDER",
    "INTERRUPTED",
    "Command",
    "Example",
    "StreamingCommand",
    "backend_option",
    "discard_output",
    "pixel_options",
    "print_json",
    "print_text",
    "printable",
    "quiet_stderr",
    "warn",
]
