#!/bin/sh
# The recipes of the ladder's models: train, export, prove, and copy those inside the package there. Everything else stays
# in build/shipped/. A model whose recipe was trained already is not trained again; one that was interrupted goes on.
# usage: shipped_models.sh BIN [NAME]..., the folder of the commands and the models to make, by default the package's
set -eu
bin=$1
shift
out=build/shipped
models=runtime/fmnist_runtime/models
shipped="mlp cnn-nano cnn-micro"
# 100 golden images instead of 200 keep the package small; docs/model-file.md says what they tell.
golden_images=100

# The options of fmnist-train for what is in $out/$1; what it starts or learns from is trained
# first, by the recipe of its own folder.
recipe() {
    first="--teacher $out/first-teacher/model.keras"
    three="$first --teacher $out/first-small/model.keras --teacher $out/cnn-large/model.keras"
    four="$three --teacher $out/second-small/model.keras"
    case $1 in
    mlp) echo "--model mlp --validation 0 --seed 1" ;; # all 60,000 images, as the tutorial does
    cnn-nano) echo "--model cnn-nano --seed 1 $first" ;;
    cnn-micro)
        echo "--model cnn-micro --seed 1 --epochs 100 --erase 0.2 --start $out/second-micro/model.keras $four --mirror"
        ;;
    cnn-small)
        echo "--model cnn-small --seed 1 --epochs 70 --erase 0.3 --start $out/second-small/model.keras $four --mirror"
        ;;
    cnn-large) echo "--model cnn-large --seed 1" ;;
    second-micro) echo "--model cnn-micro --seed 1 --start $out/first-micro/model.keras $three" ;;
    second-small) echo "--model cnn-small --seed 1 --start $out/first-small/model.keras $three" ;;
    first-micro) echo "--model cnn-micro --seed 1 --epochs 45 --erase 0 $first" ;;
    first-small) echo "--model cnn-small --seed 1 --epochs 48 --shift 2 --erase 0.1" ;;
    first-teacher)
        echo "--model scripts/first_teacher.py:build --seed 1 --epochs 30 --shift 2 --erase 0.3 --flip 0.5" \
            "--batch-size 128 --learning-rate 0.004 --schedule one-cycle --weight-decay 0.02 --validation 1000"
        ;;
    *) echo "$1: no recipe, expected mlp, cnn-nano, cnn-micro, cnn-small or cnn-large" >&2 && return 1 ;;
    esac
}

# Train what is in $out/$1, unless that was done with the same recipe from the same models. In a shell of its own, for
# those are trained by the same function.
train() (
    wanted=$(recipe "$1")
    stamp=$wanted
    # The options are words, and none holds a blank.
    # shellcheck disable=SC2086
    for other in $(printf '%s\n' $wanted | sed -n "s,^$out/\(.*\)/model.keras$,\1,p"); do
        train "$other"
        stamp="$stamp, $(sha256sum <"$out/$other/model.keras")"
    done
    folder=$out/$1
    mkdir -p "$folder"
    resume=
    if [ "$(cat "$folder/recipe" 2>/dev/null)" = "$stamp" ]; then
        if [ -f "$folder/checkpoint.json" ]; then
            resume=--resume
        elif [ -f "$folder/training.json" ]; then
            echo "== $folder/model.keras is there, from: fmnist-train $wanted"
            return
        fi
    fi
    rm -f "$folder/training.json"
    echo "$stamp" >"$folder/recipe"
    echo "== fmnist-train $wanted -o $folder $resume"
    # shellcheck disable=SC2086
    "$bin/fmnist-train" $wanted -o "$folder" $resume
)

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
    train "$name"
    publish "$name"
done
