#!/usr/bin/env python3
"""Measures what docs/results.md tells, and renders it. What is there already is not measured again.

usage: scripts/results.py [--quick] [--minutes N] [--threads N] [--only NAME] [--edgeinf PROGRAM] [--render]

Results are appended to docs/results/*.jsonl as they come, texts are kept in target/results. --quick takes a few cases of everything
and keeps its results in target/results/quick. With --minutes nothing new is begun after so long; call it again to go on. --render
only makes tables and plots of what there is.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
# threads that spin for long while they wait take ten times as long where something else runs too
os.environ.setdefault("GOMP_SPINCOUNT", "2000")
SMALL, LARGE = "smollm2-135m", "qwen2.5-coder-0.5b"
POLICIES = "full,streaming,snapkv,snapkv-question,pyramidkv"
# without the mode that sees the question first
BLIND = "full,streaming,snapkv,pyramidkv"
# what is compared with full attention where the model has a gate
ALL = "streaming,snapkv,pyramidkv,learned,edgeinfinite"
# what the gate does, beside what does without
CHOOSING = "streaming,snapkv,learned,edgeinfinite"
# whose summaries are read
WRITING = "full,streaming,snapkv,learned,edgeinfinite"
TECHNICAL = "histogram datamodel bonding ftrace argparse vfs sqlite3 cgroup-v2 unittest alsa-driver logging-cookbook multiprocessing"
# long documents with facts, and seeds for each length: 16 questions and more
FAR = (("8K", "1,2,3,4,5,6,7,8"), ("16K", "1,2,3,4"), ("32K", "1,2"), ("64K", "1"), ("128K", "1"))
STORIES = ("war-and-peace-1 moby-dick-1 union-1946 don-quixote-1 wonderland union-1907 looking-glass war-and-peace-2 don-quixote-2 "
           "moby-dick-2 war-and-peace-3 don-quixote-3")


class Stage:
    """A command of edgeinf whose results go to a file of their own. One that does not resume is either whole or not there."""

    def __init__(self, name, command, resumes=True):
        self.name, self.command, self.resumes = name, command, resumes


def every(pairs, n, texts, start=0):
    """A file with each n-th pair of another one. The early part of a document is compared with that of the next one in its file, so what was
    measured of such a file stays as it is when the others follow."""
    path = texts / f"{pairs}-every-{n}{f'-from-{start}' if start else ''}.jsonl"
    if not path.exists():
        lines = (texts / f"{pairs}.jsonl").read_text().splitlines()
        path.write_text("\n".join(lines[start::n]) + "\n")
    return path


def fetch(texts, quick, edgeinf, run):
    texts.mkdir(parents=True, exist_ok=True)
    if quick:
        # documents of our own: no network is needed
        sample = [edgeinf, "sample", "--tokens", "3000", "--seed", "100"]
        run([*sample, "--facts", texts / "facts.jsonl", "-o", texts / "sample.txt"])
        run([ROOT / "scripts/sample_pairs.py", texts / "quick-questions.jsonl", "2000", "101,102"])
        facts = [json.loads(line) for line in (texts / "facts.jsonl").read_text().splitlines()]
        pair = {"id": "sample", "document": (texts / "sample.txt").read_text(), "facts": facts,
                "reference": " ".join(fact["sentence"] for fact in facts)}
        (texts / "quick-summary.jsonl").write_text(json.dumps(pair) + "\n")
        return
    if not (texts / "gulliver-chapters.jsonl").exists():
        run([ROOT / "scripts/eval_pairs.py", texts])
    if not (texts / "histogram.txt").exists():
        run([ROOT / "scripts/eval_texts.py", texts])
    if not (texts / "sample-140000.txt").exists():
        run([edgeinf, "sample", "--tokens", "140000", "--seed", "1", "-o", texts / "sample-140000.txt"])
    if not (texts / "gulliver-twice.txt").exists():
        # the book has 127,440 tokens, and the longest length 131,072
        (texts / "gulliver-twice.txt").write_text(2 * (texts / "gulliver.txt").read_text())


def stages(texts, quick):
    """From the most to the least telling, so that a run that ends early has told most."""
    def answer(name, pairs, model, budget, policies=POLICIES):
        return Stage(name, ["eval", "answer", pairs, "-m", model, "--budget", budget, "--policies", policies])

    def fidelity(name, model, budgets, names, *more, policies="streaming,snapkv,pyramidkv"):
        files = [texts / f"{text}.txt" for text in names]
        command = ["eval", "fidelity", *files, "-m", model, "--policies", policies, "--budgets", budgets, *more]
        return Stage(name, command)

    def memory(name, pairs, budget):
        """With the gate that is part of the program (docs/memory.md): its memory beside retained tokens, and its scores alone."""
        return Stage(name, ["eval", "answer", pairs, "--budget", budget, "--policies", "learned,edgeinfinite"])

    def alone(name, pairs, budget):
        """Its memory alone."""
        return Stage(name, ["eval", "answer", pairs, "--budget", budget, "--policies", "edgeinfinite", "--retain", "0"])

    def needle(lengths, seeds, *more, budget="516tok", policies="full,streaming,snapkv,learned,edgeinfinite"):
        command = ["eval", "needle", "--lengths", lengths, "--seeds", seeds, "--budget", budget, "--policies", policies, *more]
        return Stage("needle", command)

    if quick:
        return [
            answer("answer-questions", texts / "quick-questions.jsonl", SMALL, "516tok", "full,streaming,snapkv"),
            fidelity("fidelity", SMALL, "260tok", ["sample"], "--tokens", "2560"),
            Stage("needle", ["eval", "needle", "--lengths", "2000", "--budget", "260tok", "--policies", "full,snapkv"]),
            Stage("summary", ["eval", "summary", texts / "quick-summary.jsonl", "--budget", "516tok", "--length", "short",
                              "--policies", "streaming,snapkv"]),
        ]

    def chapters(n, start=0):
        return every("gulliver-chapters", n, texts, start)

    def papers(n, start=0):
        return every("aclsum", n, texts, start)

    both = [text for pair in zip(TECHNICAL.split(), STORIES.split()) for text in pair]
    found = [answer("answer-gulliver", chapters(3), SMALL, "516tok", f"{POLICIES},none"),
             memory("answer-gulliver", chapters(3), "516tok"),
             answer("answer-papers", papers(3), SMALL, "516tok"),
             memory("answer-papers", papers(3), "516tok"),
             alone("answer-papers", papers(3), "516tok"),
             alone("answer-gulliver", chapters(3), "516tok"),
             fidelity("fidelity", SMALL, "516tok", both, policies=ALL),
             needle("4K", "1,2,3,4,5"),
             needle("4K", "1,2,3,4,5", "--retain", "0", policies="edgeinfinite"),
             fidelity("fidelity", SMALL, "516tok", both[:4], "--retain", "0", policies="edgeinfinite"),
             Stage("gates", ["eval", "gates", texts / "sample-140000.txt", "--lengths", "8K,32K,128K", "--budget", "516tok"]),
             # a reading answers all questions about a document
             *(needle(lengths, seeds, budget="1028tok", policies="streaming,edgeinfinite") for lengths, seeds in FAR),
             Stage("summary-gulliver", ["eval", "summary", chapters(3), "--budget", "516tok", "--length", "short", "--policies", WRITING]),
             Stage("summary-papers", ["eval", "summary", papers(3), "--budget", "516tok", "--policies", WRITING]),
             Stage("lengths", ["bench", "lengths", texts / "gulliver-twice.txt", "--runs", "3", "--json"], resumes=False)]
    for form in ("--prefill-once", "--no-sinks", "--no-window"):
        policies = "streaming,snapkv,snapkv-question" if form == "--prefill-once" else "streaming,snapkv,edgeinfinite"
        budget = ["--retain", "256"] if form == "--no-window" else ["--budget", "516tok"]
        found.append(Stage("answer-gulliver", ["eval", "answer", chapters(3), "--policies", policies, form, *budget]))
    found += [answer("answer-gulliver", chapters(3), LARGE, "516tok", f"{POLICIES},learned"),
              fidelity("fidelity", LARGE, "516tok", both[:6], "--tokens", "4096", policies="streaming,snapkv,pyramidkv,learned"),
              Stage("needle", ["eval", "needle", "-m", LARGE, "--lengths", "4K,8K,16K", "--seeds", "1,2", "--budget", "516tok", "--policies",
                               "full,streaming,snapkv,learned"]),
              needle("8K", "1,2,3,4,5,6,7,8", "--retain", "0", budget="1028tok", policies="edgeinfinite")]
    found += [answer("answer-gulliver", chapters(3, start), SMALL, budget, CHOOSING) for budget in ("1028tok", "516tok") for start in (0, 1, 2)]
    found += [alone("answer-gulliver", chapters(3, start), budget) for budget in ("1028tok", "516tok") for start in (0, 1, 2)]
    found += [answer("answer-papers", papers(3, start), SMALL, "516tok", CHOOSING) for start in (1, 2)]
    found += [answer("answer-gulliver", chapters(3, start), SMALL, "516tok") for start in (1, 2)]
    found += [answer("answer-papers", papers(3, start), SMALL, "516tok") for start in (1, 2)]
    found += [answer("answer-gulliver", chapters(3, start), SMALL, "1028tok", BLIND) for start in (1, 2)]
    # full attention goes through a text once for all budgets
    found.append(fidelity("fidelity", SMALL, "1028tok,2052tok", both[:8], policies=ALL))
    for budget in ("1028tok", "2052tok"):
        found += [answer("answer-gulliver", chapters(3), SMALL, budget, BLIND),
                  memory("answer-gulliver", chapters(3), budget),
                  answer("answer-papers", papers(3), SMALL, budget, BLIND),
                  memory("answer-papers", papers(3), budget)]
    found += [Stage("summary-gulliver", ["eval", "summary", chapters(3), "-m", LARGE, "--budget", "516tok"]),
              Stage("summary-gulliver", ["eval", "summary", chapters(1), "--budget", "516tok"])]
    return found


def render(edgeinf, folder, target):
    """Tables and plots beside the results, the tables also into docs/results.md between its marks."""
    files = sorted(file for file in folder.glob("*.jsonl") if file.stat().st_size > 0)
    if not files:
        return
    subprocess.run([edgeinf, "eval", "report", *files, "-o", folder], check=True)
    if target is None:
        return
    begin, end = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"
    text = target.read_text()
    if begin not in text or end not in text:
        sys.exit(f"results.py: '{target}' has no marks for tables; put '{begin.strip()}' and '{end.strip()}' on lines of their own")
    tables = (folder / "report.md").read_text().replace("](", "](results/")
    target.write_text(text[:text.index(begin) + len(begin)] + tables + text[text.index(end):])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--minutes", type=float, default=360)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--only", help="only files of this name")
    parser.add_argument("--edgeinf", type=Path, default=ROOT / "target/release/edgeinf")
    parser.add_argument("--render", action="store_true")
    args = parser.parse_args()
    begin = time.monotonic()
    work = ROOT / "target/results"
    folder = work / "quick" if args.quick else ROOT / "docs/results"
    folder.mkdir(parents=True, exist_ok=True)
    target = None if args.quick else ROOT / "docs/results.md"

    os.environ["EDGEINF"] = str(args.edgeinf)  # for sample_pairs.py

    def run(command, seconds=None):
        try:
            return subprocess.run([str(part) for part in command], timeout=seconds).returncode
        except subprocess.TimeoutExpired:
            return None

    if not args.render:
        fetch(work / "texts", args.quick, args.edgeinf,
              lambda command: run(command) == 0 or sys.exit(f"results.py: '{Path(command[0]).name}' failed"))
        for model in (SMALL,) if args.quick else (SMALL, LARGE):
            if subprocess.run([args.edgeinf, "-q", "model", "pull", model], stdout=subprocess.DEVNULL).returncode != 0:
                sys.exit(f"results.py: the model {model} could not be pulled")
        for i, stage in enumerate(every_stage := stages(work / "texts", args.quick)):
            left = 60 * args.minutes - (time.monotonic() - begin)
            if args.only not in (None, stage.name):
                continue
            if left <= 0:
                print(f"results.py: time is over before step {i + 1} of {len(every_stage)}; call again to go on", file=sys.stderr)
                break
            print(f"results.py: step {i + 1} of {len(every_stage)}, {stage.name}", file=sys.stderr)
            output = folder / f"{stage.name}.jsonl"
            if not stage.resumes:
                if output.exists():
                    continue
                output = (work / stage.name).with_suffix(".part")
                output.unlink(missing_ok=True)
            threads = ["--threads", args.threads] if args.threads else []
            code = run([args.edgeinf, *stage.command, *threads, "-o", output], left)
            if code not in (0, None):
                sys.exit(f"results.py: step {i + 1} failed with exit code {code}")
            if not stage.resumes and code == 0:
                output.rename(folder / f"{stage.name}.jsonl")
    render(args.edgeinf, folder, target)


if __name__ == "__main__":
    main()
