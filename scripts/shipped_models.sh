#!/bin/sh
# Make the models by their recipes (train/fmnist_train/models/trainings.json): train, export, prove, and copy those that
# the package ships into it. Everything else stays in build/shipped/. A model that was trained by its recipe before is
# not trained again; an interrupted training goes on.
# usage: shipped_models.sh BIN [NAME]..., the folder of the commands and the models to make, by default the package's
set -eu
bin=$1
shift
out=build/shipped
models=runtime/fmnist_runtime/models
shipped="mlp cnn-nano cnn-micro"
# 100 golden images instead of 200 keep the package small; docs/model-file.md says what they tell.
golden_images=100

# Convert model $1, prove it on both runtimes, and put it into the package if it is one of the package's.
publish() {
    echo "== fmnist-export $out/$1/model.keras"
    "$bin/fmnist-export" "$out/$1/model.keras" --quantize --target all --golden-images $golden_images
    case " $shipped " in
    *" $1 "*)
        cp "$out/$1/model-int8.tflite" "$models/$1-int8.tflite"
        cp "$out/$1/model-golden.npz" "$models/$1-golden.npz"
        ;;
    esac
}

# The names are words.
# shellcheck disable=SC2086
[ $# -gt 0 ] || set -- $shipped
for name in "$@"; do
    echo "== fmnist-train --recipe $name -o $out"
    "$bin/fmnist-train" --recipe "$name" -o "$out"
    publish "$name"
done
