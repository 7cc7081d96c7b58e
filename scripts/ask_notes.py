#!/usr/bin/env python3
"""Asks each fact of a document of 'edgeinf sample' of the notes that were taken of it, and counts the answers that have its value.

usage: scripts/ask_notes.py NOTES.jsonl FACTS [--model NAME] [--threads N] [--edgeinf PROGRAM]

    edgeinf sample --tokens 128000 --seed 911 -o sample.txt --facts sample.facts
    edgeinf summarize sample.txt -m qwen2.5-coder-0.5b --keep-notes notes.jsonl
    scripts/ask_notes.py notes.jsonl sample.facts --model qwen2.5-coder-0.5b
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notes", type=Path)
    parser.add_argument("facts", type=Path)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--threads")
    parser.add_argument("--edgeinf", type=Path, default=ROOT / "target/release/edgeinf")
    args = parser.parse_args()
    halves, seconds = [[0, 0], [0, 0]], 0.0
    for fact in map(json.loads, args.facts.read_text().splitlines()):
        command = [args.edgeinf, "-q", "summarize", "--from-notes", args.notes, "-m", args.model, "--max-tokens", "48", "--json",
                   "--prompt", fact["question"]] + (["--threads", args.threads] if args.threads else [])
        done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE)
        if done.returncode not in (0, 6):
            sys.exit(f"ask_notes.py: edgeinf failed with exit code {done.returncode}")
        told = json.loads(done.stdout)
        right = fact["answer"] in told["summary"]
        half = halves[fact["depth"] >= 0.5]
        half[0] += right
        half[1] += 1
        seconds += told["time"]["total_ms"] / 1e3
        print(f"{fact['depth']:.2f} {'right' if right else 'wrong'} | {fact['answer']} | {' '.join(told['summary'].split())}", flush=True)
    n = sum(half[1] for half in halves)
    print(" and ".join(f"{right} of {of}" for right, of in halves) + f" facts of the first half and the second, {seconds / max(n, 1):.1f} s each")


main()
