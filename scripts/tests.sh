#!/bin/sh
# Run the tests in lanes side by side, a pytest for each part: tensorflow, which train and export import, and
# tflite-runtime must not meet in one process. The output of the first lane comes as it runs, that of the others at the
# end. Much of the time is waiting for commands: three lanes for two cores.
# usage: tests.sh BIN [fast], the folder of the commands; fast: without the tests that are slow or need the machine
set -u
bin=$1
if [ "${2:-}" = fast ]; then
    set -- -m "not slow and not host"
else
    set --
fi
logs=$(mktemp -d)
trap 'kill "$export" "$deploy" 2>/dev/null; rm -rf "$logs"' EXIT
trap 'exit 130' INT TERM

"$bin/python" -m pytest "$@" tests/export >"$logs/export" 2>&1 &
export=$!
"$bin/python" -m pytest "$@" tests/deploy >"$logs/deploy" 2>&1 &
deploy=$!
result=0
"$bin/python" -m pytest "$@" tests/runtime tests/benchmarks tests/test_project.py || result=1
"$bin/python" -m pytest "$@" tests/train || result=1
wait "$deploy" || result=1
wait "$export" || result=1
echo "tests/deploy and tests/export, which ran beside these:"
cat "$logs/deploy" "$logs/export"
exit "$result"
