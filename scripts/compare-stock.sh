#!/bin/sh
# Builds once more without hooks and compares logits bit by bit: stock, with hooks but not attached, attached and empty.
#
# usage: scripts/compare-stock.sh [WHAT TO BUILD WITH HOOKS]...
#
# Arguments are those of cargo, for a build that is there already; by default the program and the example, with the features of the release.
set -eu
cd "$(dirname "$0")/.."

[ $# -gt 0 ] || set -- --bin edgeinf --example logits
cargo build --release --quiet "$@"
# the model: pulled by this project itself
model=$(target/release/edgeinf model pull smollm2-135m)
with_hooks=$(target/release/examples/logits "$model")
# in the same place, where only what builds on llama.cpp is built once more; the next build without the variable builds it again
EDGEINF_STOCK=1 cargo build --release --quiet --example logits
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
