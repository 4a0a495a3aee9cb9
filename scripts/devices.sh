#!/bin/sh
# The device matrix on freshly trained and exported models. Everything lands in build/devices/.
# usage: devices.sh BIN IMAGES, the folder of the commands and the number of test images a model
set -eu
bin=$1
out=build/devices
rm -rf "$out"
"$bin/fmnist-train" -o "$out/models"
# The last is integers to the very end: its bytes must be the same on every processor. Both runtimes are targets, since
# fmnist-verify allows no more than was proved, and a file that was proved on one only may differ on the other.
"$bin/fmnist-export" "$out/models/model.keras" --precision float32 --precision int8 --precision int8-strict --target all
exec "$bin/python" -m fmnist_deploy.devices --wheel build/wheel/*.whl --models "$out/models" --images "$2" -o "$out" \
    --data "$("$bin/python" -m fmnist_runtime.data.fashion_mnist --folder)"
