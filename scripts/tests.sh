#!/bin/sh
# Run the tests in lanes side by side, a process for each part: tensorflow, which train and export import, and
# tflite-runtime must not meet in one. Much of the time is waiting for commands: three lanes for two cores.
# The output of the first lane comes as it runs, that of the others at the end.
# usage: tests.sh BIN, the folder of the commands
set -u
bin=$1
logs=$(mktemp -d)
trap 'kill "$export" "$deploy" 2>/dev/null; rm -rf "$logs"' EXIT
trap 'exit 130' INT TERM

# A shell ignores SIGINT in what it runs beside itself, and so would every command that a test interrupts.
with_sigint='import signal, sys, pytest; signal.signal(signal.SIGINT, signal.default_int_handler); sys.exit(pytest.main())'

part() {
    "$bin/python" -c "$with_sigint" "$@"
}

part tests/export >"$logs/export" 2>&1 &
export=$!
part tests/deploy >"$logs/deploy" 2>&1 &
deploy=$!
result=0
part tests/runtime tests/benchmarks tests/test_*.py || result=1
part tests/train || result=1
wait "$deploy" || result=1
wait "$export" || result=1
echo "tests/deploy and tests/export, which ran beside these:"
cat "$logs/deploy" "$logs/export"
exit "$result"
