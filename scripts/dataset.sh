#!/bin/sh
# Make sure that Fashion-MNIST is somewhere on this machine: there already, downloaded, or from Debian's package.
# usage: dataset.sh PYTHON
set -eu
if "$1" -m fmnist_runtime.data.fashion_mnist; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing Debian's package dataset-fashion-mnist"
    apt-get update -qq && apt-get install -y -qq dataset-fashion-mnist >/dev/null
fi
exec "$1" -m fmnist_runtime.data.fashion_mnist
