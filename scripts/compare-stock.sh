#!/bin/sh
# Builds once more without hooks and compares logits bit by bit: stock, with hooks but not attached, attached and empty.
#
# usage: scripts/compare-stock.sh [--features FEATURES]
#
# With the features of what was built last, less has to be built.
set -eu
cd "$(dirname "$0")/.."

cargo build --release --quiet --bin edgeinf --example logits "$@"
# the model: pulled by this project itself
model=$(target/release/edgeinf model pull smollm2-135m)
with_hooks=$(target/release/examples/logits "$model")
# in the same place, where only the patched files of llama.cpp and what builds on it are built once more, our own part quickly, since all that computes is llama.cpp's;
# the next build without the variable builds it again
EDGEINF_STOCK=1 cargo build --release --quiet --example logits "$@" --config 'profile.release.package.edgeinf.opt-level=0'
stock=$(target/release/examples/logits "$model")

echo "$with_hooks" | sed 's/^/with hooks:    /'
echo "$stock" | sed 's/^/without hooks: /'
[ "$(echo "$with_hooks" | wc -l)" = 4 ] && [ "$(echo "$stock" | wc -l)" = 2 ]
for mode in batch single; do
    hashes=$(printf '%s\n%s\n' "$with_hooks" "$stock" | grep " $mode " | awk '{print $3}' | sort -u | wc -l)
    if [ "$hashes" != 1 ]; then
        echo "error: the logits of $mode decoding differ" >&2
        exit 1
    fi
done
echo "all logits are equal, bit by bit"
