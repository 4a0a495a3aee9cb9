#!/bin/sh
# The whole main job on real data: train, export, prove, classify. Everything lands in demo/.
# usage: demo.sh BIN, the folder of the commands
set -eu
bin=$1
out=demo
data=$("$bin/python" -m fmnist_runtime.data.fashion_mnist --folder)

say() { printf '\n== %s\n' "$*"; }

say "train: fmnist-train -o $out"
"$bin/fmnist-train" -o "$out"

say "export and prove: fmnist-export $out/model.keras --quantize"
"$bin/fmnist-export" "$out/model.keras" --quantize

say "classify on the device's interpreter: fmnist-classify"
for precision in float32 int8; do
    "$bin/fmnist-classify" "$data/t10k-images-idx3-ubyte.gz" --index 0 --index 1 --index 12 --index 42 --top 3 \
        --model "$out/model-$precision.tflite"
done

say "done"
cat <<EOF
the Keras model and its record    $out/model.keras, $out/training.json
the figures                       $out/figures/
the proved TFLite files           $out/model-float32.tflite, $out/model-int8.tflite
the proof, for a browser          $out/report.html
the description in each file      unzip -p $out/model-int8.tflite fmnist.json | python3 -m json.tool

next: install fmnist-edge on a Raspberry Pi (README), copy model-int8.tflite and model-golden.npz there, and run
    fmnist-doctor
    fmnist-verify model-int8.tflite
    fmnist-classify --model model-int8.tflite IMAGE...
or stay here and try
    $bin/fmnist-classify $data/t10k-images-idx3-ubyte.gz --index 7 --top 3
    $bin/fmnist-train --help
EOF
