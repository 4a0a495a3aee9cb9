#!/bin/sh
# Run the tests in two processes side by side: tensorflow and tflite-runtime must not meet in one.
# The first one's output comes behind the second's. Ctrl-C ends both.
# usage: tests.sh BIN, the folder of the commands
set -u
bin=$1
log=$(mktemp)
trap 'kill "$first" 2>/dev/null; rm -f "$log"' EXIT
trap 'exit 130' INT TERM
"$bin/pytest" tests/train tests/export >"$log" 2>&1 &
first=$!
"$bin/pytest" tests/runtime tests/benchmarks tests/deploy tests/test_project.py
code=$?
echo "tests/train and tests/export, which ran beside these:"
wait "$first" || code=1
cat "$log"
exit "$code"
