#!/bin/sh
# Measures what the README claims of a long text: all tokens read, memory that does not grow, speed that does not fall.
# usage: scripts/measure.sh TEXT [MODEL] [THREADS]; reads the text and a beginning of about 8K tokens with each policy.
set -eu
[ $# -ge 1 ] || { echo "usage: $0 TEXT [MODEL] [THREADS]" >&2; exit 2; }
text=$1
model=${2:-smollm2-135m}
threads=${3:-${EDGEINF_THREADS:-$(getconf _NPROCESSORS_ONLN)}}
edgeinf="$(dirname "$0")/../target/release/edgeinf"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT INT TERM
head -c 36000 "$text" >"$dir/short.txt"

"$edgeinf" model pull "$model" >/dev/null
for policy in streaming edgeinfinite; do
    gate=""
    [ "$policy" = edgeinfinite ] && gate="--gate random:1"
    for length in short long; do
        file=$text
        [ "$length" = short ] && file="$dir/short.txt"
        # a random gate may leave the model without a whole sentence: exit code 6
        # shellcheck disable=SC2086
        "$edgeinf" summarize "$file" -m "$model" --threads "$threads" --policy "$policy" --strategy direct $gate --json \
            >"$dir/$policy-$length.json" 2>"$dir/log" || [ $? = 6 ] || { cat "$dir/log" >&2; exit 1; }
    done
done

# in turn, segment by segment, since other users of a machine move the time of a piece by 10 % within seconds
"$edgeinf" bench "$text" -m "$model" --threads "$threads" --policies streaming,edgeinfinite --gate random:1 --runs 1 --growth 4 \
    --tokens 1000000000 --json >"$dir/growth.json"

python3 - "$dir" <<'PYTHON'
import json, sys

failed = False

def check(what, value, bound):
    global failed
    failed |= value > bound
    print(f"  {'ok  ' if value <= bound else 'OVER'} {what}: {value:.3f}, bound {bound}")

for policy, above in (("streaming", 90), ("edgeinfinite", 106)):
    short, long = (json.load(open(f"{sys.argv[1]}/{policy}-{length}.json")) for length in ("short", "long"))
    memory, time, text = long["memory"], long["time"], long["input"]
    print(f"{policy}: {text['tokens_read']} of {text['tokens']} tokens, {time['prefill_tokens_per_second']} tokens/s, "
          f"peak {memory['peak_rss_bytes'] / 2**20:.1f} MiB; {short['input']['tokens']} tokens: "
          f"peak {short['memory']['peak_rss_bytes'] / 2**20:.1f} MiB")
    check("tokens not read", text["tokens"] - text["tokens_read"], 0)
    check("peak, of that of the short text", memory["peak_rss_bytes"] / short["memory"]["peak_rss_bytes"], 1.02)
    check("peak above the weights, MiB", (memory["peak_rss_bytes"] - memory["weights_bytes"]) / 2**20, above)
    seconds = time["prefill_seconds_per_8192_tokens"]
    print("  seconds for each 8192 tokens:", *(f"{s:.1f}" for s in seconds))
for row in json.load(open(f"{sys.argv[1]}/growth.json")):
    if row["last_over_second_8k"]:
        check(f"{row['policy']}: time for 8192 tokens at the end, of that after the first 8192, in turn",
              1 / row["last_over_second_8k"], 1.05)
        print(f"       the beginning against itself, in the same way: {1 / row['beginning_over_itself']:.3f}")
sys.exit(failed)
PYTHON
