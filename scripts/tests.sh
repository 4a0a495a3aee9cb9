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
part tests/runtime tests/benchmarks tests/test_*.py || result=1
part tests/train || result=1
wait "$deploy" || result=1
wait "$export" || result=1
echo "tests/deploy and tests/export, which ran beside these:"
cat "$logs/deploy" "$logs/export"
exit "$result"
