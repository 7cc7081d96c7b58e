#!/usr/bin/env python3
"""Writes questions about invented documents as pairs for 'edgeinf eval answer'.

usage: scripts/sample_pairs.py OUT.jsonl LENGTH[,LENGTH...] SEED[,SEED...]

One pair for each length and seed: a document of 'edgeinf sample', and one of its facts that stands in the first half, so that a
window has lost it. Of one length, the documents can stand in for each other. EDGEINF names the program, if it is not that of a release build.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

EDGEINF = Path(os.environ.get("EDGEINF", Path(__file__).parent.parent / "target/release/edgeinf"))


def sample(tokens, seed, folder):
    document, facts = folder / "document.txt", folder / "facts.jsonl"
    command = [EDGEINF, "sample", "--tokens", str(tokens), "--seed", str(seed), "--facts", facts, "-o", document]
    if subprocess.run(command).returncode != 0:
        sys.exit(f"sample_pairs.py: 'edgeinf sample --tokens {tokens}' failed")
    return document.read_text(), [json.loads(line) for line in facts.read_text().splitlines()]


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__.strip())
    out, lengths, seeds = Path(sys.argv[1]), sys.argv[2].split(","), sys.argv[3].split(",")
    with tempfile.TemporaryDirectory() as folder:
        lines = []
        for length in map(int, lengths):
            for seed in map(int, seeds):
                document, facts = sample(length, seed, Path(folder))
                early = [fact for fact in facts if fact["depth"] < 0.5]
                fact = early[seed % len(early)]
                lines.append(json.dumps({
                    "id": f"sample-{length}-{seed}/{fact['id']}",
                    "document": document,
                    "question": fact["question"],
                    "reference": fact["answer"],
                    "depth": fact["depth"],
                }))
    out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
