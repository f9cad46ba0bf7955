#!/bin/sh
# A virtual environment for each peer, since they need other versions than ours and than each other.
#
#     benchmarks/peers/install.sh [FOLDER]        default: ~/.cache/domaintoolkit-peers
#
# Only what the measured part of a peer imports is installed: of pytorch-lifestream that is torch, pandas and
# scikit-learn (its pyspark half is skipped by its own try/except, so no stub is needed).
set -eu

folder="${1:-$HOME/.cache/domaintoolkit-peers}"
python="${PYTHON:-python3}"

peer() { # NAME REQUIREMENT...
    name="$1"
    shift
    [ -x "$folder/$name/bin/python" ] || "$python" -m venv "$folder/$name"
    "$folder/$name/bin/pip" install --quiet "$@"
}

mkdir -p "$folder"
peer lifestream "numpy<2" "pandas<3" "pyarrow<24" scikit-learn "torch==2.13.0"
peer lifestream --no-deps "pytorch-lifestream==0.6.0"
peer replay "replay-rec==0.22.0"
peer tokenizers tokenizers pyarrow numpy
echo "peers are in $folder"
