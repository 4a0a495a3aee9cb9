#!/bin/sh
# Make the virtual environment FOLDER and install there what the rest of the arguments name, at the pinned versions.
# Does nothing if that was done before with the same pyproject.toml, constraints.txt, version and arguments.
# usage: environment.sh FOLDER PIP-ARGUMENT...
set -eu
cd "$(dirname "$0")/.."
folder=$1
shift
# The version, which pyproject.toml takes from the package, is in the metadata of an editable install.
wanted=$( (cat pyproject.toml constraints.txt; grep -s '^__version__' runtime/fmnist_runtime/__init__.py) | cksum)" $*"
installed() { [ "$(cat "$folder/.installed" 2>/dev/null)" = "$wanted" ]; }
if installed; then
    exit 0
fi

# One at a time in a tree. The lock ends with its holder and with the pip that it started, however they end.
if command -v flock >/dev/null; then
    mkdir -p build
    exec 9>>build/environment.lock
    if ! flock -n 9; then
        echo "another make makes an environment here; waiting until it ends"
        flock 9
        if installed; then
            exit 0
        fi
    fi
fi

# Python 3.11 first: it is what Raspberry Pi OS bookworm has, and the last that tflite-runtime runs on.
python=${PYTHON:-}
for candidate in python3.11 python3.10 python3.12 python3.13 python3; do
    if [ -z "$python" ] && "$candidate" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' 2>/dev/null; then
        python=$candidate
    fi
done
if [ -z "$python" ]; then
    echo "no Python 3.10 to 3.13 found; install Python 3.11, or name one: make PYTHON=/path/to/python3.11" >&2
    exit 1
fi

if [ ! -x "$folder/bin/pip" ]; then
    if [ -n "$(ls -A "$folder" 2>/dev/null)" ] && [ ! -f "$folder/pyvenv.cfg" ]; then
        echo "$folder is there and is no virtual environment; move it away, then run make again" >&2
        exit 1
    fi
    echo "making $folder with $("$python" --version)"
    if ! "$python" -m venv "$folder" >/dev/null 2>&1; then
        # Debian ships venv's pip in a package of its own.
        package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            apt-get update -qq && apt-get install -y -qq "$package" >/dev/null
        fi
        rm -rf "$folder"
        "$python" -m venv "$folder" || { echo "install the package $package, then run make again" >&2; exit 1; }
    fi
fi
echo "installing into $folder (the first time this takes a minute or two)"
"$folder/bin/pip" install -qq --disable-pip-version-check --constraint constraints.txt "$@"
echo "$wanted" >"$folder/.installed"
