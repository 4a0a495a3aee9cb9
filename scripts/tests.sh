#!/bin/sh
# Run the tests in lanes side by side, a pytest for each part: tensorflow, which train and export import, and
# tflite-runtime must not meet in one process. The output of the first lane comes as it runs, that of the others at the
# end.
# usage: tests.sh BIN [fast], the folder of the commands; fast: without the tests that are slow or need the machine
set -u
bin=$1
logs=$(mktemp -d)
lanes=
trap 'kill $lanes 2>/dev/null; rm -rf "$logs"' EXIT
trap 'exit 130' INT TERM

# A lane beside the first: its name, then its tests.
lane() {
    name=$1
    shift
    "$bin/python" -m pytest "$@" >"$logs/$name" 2>&1 &
    lanes="$lanes $!"
}

result=0
# Three lanes for two cores: much of the time is waiting for commands.
if [ "${2:-}" = fast ]; then
    fast="not slow and not host"
    lane tensorflow -m "$fast" tests/export tests/train tests/examples
    lane deploy -m "$fast" tests/deploy tests/benchmarks tests/test_*.py
    "$bin/python" -m pytest -m "$fast" tests/runtime || result=1
else
    lane export tests/export
    lane deploy tests/deploy
    "$bin/python" -m pytest tests/runtime tests/benchmarks tests/test_*.py || result=1
    "$bin/python" -m pytest tests/train tests/examples || result=1
fi
for process in $lanes; do
    wait "$process" || result=1
done
echo "the tests that ran beside these:"
cat "$logs"/*
exit "$result"
