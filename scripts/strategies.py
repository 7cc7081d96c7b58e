#!/usr/bin/env python3
"""Compares the strategies of 'edgeinf summarize' and writes tables into docs/results.md. What is there already is not measured again.

usage: scripts/strategies.py [--model NAME] [--tokens N,...] [--seeds N,...] [--strategies NAME,...] [--threads N] [--edgeinf PROGRAM]
                             [--book] [--papers N] [--again] [--render]

Documents are those of 'edgeinf sample', with --book the chapters of Gulliver's Travels in a row against the author's synopses, with
--papers N every N-th paper of ACLSum against its summary. Summaries are of --length long, of papers of 120 words, read by the policy that
the strategy has by default. Notes are kept in target/results/notes, and with --again summaries are written from them once more without reading, and
sentences extracted once more. 'first' and 'last' are the first and the last words of the document, as many as the summary from notes has.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs/results/strategies/strategies.jsonl"
TEXTS = ROOT / "target/results/texts"
NOTES = ROOT / "target/results/notes"
STRATEGIES = ("notes", "extract", "direct", "map-reduce")


class Case:
    """A document, with what is known of it."""

    def __init__(self, name, document, facts=None, reference=None, length="long"):
        self.name, self.document, self.facts, self.reference, self.length = name, document, facts, reference, length


def samples(edgeinf, tokens, seeds):
    TEXTS.mkdir(parents=True, exist_ok=True)
    for n in tokens:
        for seed in seeds:
            path = TEXTS / f"strategies-{n}-{seed}.txt"
            facts = path.with_suffix(".facts")
            if not facts.exists():
                run([edgeinf, "sample", "--tokens", n, "--seed", seed, "-o", path, "--facts", facts])
            yield Case(f"sample {n}, seed {seed}", path, facts)


def pairs(file, step, name, length="long"):
    if not (TEXTS / file).exists():
        run([ROOT / "scripts/eval_pairs.py", TEXTS])
    for line in (TEXTS / file).read_text().splitlines()[::step]:
        pair = json.loads(line)
        document, reference = (TEXTS / f"strategies-{pair['id'].replace('/', '-')}{end}" for end in (".txt", ".reference"))
        document.write_text(pair["document"])
        reference.write_text(pair["reference"])
        yield Case(f"{name} {pair['id']}", document, None, reference, length)


def run(command):
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE)
    if done.returncode not in (0, 6):
        sys.exit(f"strategies.py: '{' '.join(map(str, command[:3]))}' failed with exit code {done.returncode}")
    return done.stdout.decode()


def score(edgeinf, case, summary):
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(summary)
        file.flush()
        command = [edgeinf, "eval", "score", file.name, "--document", case.document]
        command += ["--facts", case.facts] if case.facts else []
        command += ["--reference", case.reference] if case.reference else []
        scores = json.loads(run(command))
    if not case.reference:
        scores = {key: value for key, value in scores.items() if not key.startswith("rouge")}
    if case.facts:
        facts = [json.loads(line) for line in case.facts.read_text().splitlines()]
        halves = [[fact for fact in facts if (fact["depth"] >= 0.5) == half] for half in (False, True)]
        scores["facts_by_half"] = [len(half) for half in halves]
        scores["covered_by_half"] = [covered(edgeinf, case, summary, half) for half in halves]
    return scores


def covered(edgeinf, case, summary, facts):
    with tempfile.NamedTemporaryFile("w") as text, tempfile.NamedTemporaryFile("w") as file:
        text.write(summary)
        file.write("".join(json.dumps(fact) + "\n" for fact in facts))
        text.flush()
        file.flush()
        share = json.loads(run([edgeinf, "eval", "score", text.name, "--document", case.document, "--facts", file.name]))["coverage"]
    return round((share or 0) * len(facts))


def measure(args, case, known):
    def put(strategy, summary, more):
        record = {"case": case.name, "model": args.model, "strategy": strategy, **more, **score(args.edgeinf, case, summary), "summary": summary}
        known[key(record)] = record
        with RESULTS.open("a") as file:
            file.write(json.dumps(record) + "\n")

    for strategy in args.strategies:
        if (case.name, args.model, strategy) not in known:
            print(f"strategies.py: {case.name}, {args.model}, {strategy}", file=sys.stderr)
            read, told = summarized(args, case, strategy)
            put(strategy, told["summary"], {
                "policy": read["policy"], "complete": told["complete"], "tokens": read["input"]["tokens"], "notes": read["notes"],
                "threads": args.threads, "seconds": told["time"]["total_ms"] / 1e3 + (0 if told is read else reading_seconds(read)),
                "notes_seconds": read["time"]["notes_ms"] / 1e3, "peak_rss_bytes": read["memory"]["peak_rss_bytes"]})
    notes = known.get((case.name, args.model, "notes"))
    words = case.document.read_text().split()
    for name, part in (("first", slice(None, 1)), ("last", slice(1, None))):
        if notes and (case.name, args.model, name) not in known:
            n = len(notes["summary"].split())
            put(name, " ".join(words[:n] if part.start is None else words[-n:]), {})


def summarized(args, case, strategy):
    """What the program tells of reading a document, and of its summary: the same, unless its notes were kept before."""
    def tell(*more):
        command = [args.edgeinf, "-q", "summarize", *more, "-m", args.model, "--length", case.length, "--json"]
        return json.loads(run(command + (["--threads", args.threads] if args.threads else [])))

    if strategy != "notes":
        return [tell(case.document, "--strategy", strategy)] * 2
    NOTES.mkdir(parents=True, exist_ok=True)
    notes = NOTES / f"{case.document.stem}-{args.model}.jsonl"
    read = notes.with_suffix(".json")
    if read.exists():
        return json.loads(read.read_text()), tell("--from-notes", notes)
    told = tell(case.document, "--strategy", strategy, "--keep-notes", notes)
    read.write_text(json.dumps(told) + "\n")
    return told, told


def reading_seconds(told):
    return told["input"]["tokens_read"] / told["time"]["prefill_tokens_per_second"] + told["time"]["notes_ms"] / 1e3


def key(record):
    return (record["case"], record["model"], record["strategy"])


def share(records, name):
    values = [record[name] for record in records if record.get(name) is not None]
    return sum(values) / len(values) if values else None


def row(records):
    def text(value, form="{:.3f}"):
        return "" if value is None else form.format(value)

    halves = [[record for record in records if "facts_by_half" in record]] * 2
    by_half = []
    for i, half in enumerate(halves):
        n = sum(record["facts_by_half"][i] for record in half)
        by_half.append(f"{sum(record['covered_by_half'][i] for record in half)} of {n}" if n else "")
    names = sum(record["names_and_numbers"] for record in records)
    unsupported = f"{sum(record['unsupported'] for record in records)} of {names}"
    mib = [record["peak_rss_bytes"] / 2**20 for record in records if record.get("peak_rss_bytes")]
    return " | ".join([*by_half, *(text(share(records, name)) for name in ("rouge1", "rouge2", "rouge_l")), unsupported,
                       text(share(records, "repetition")), text(share(records, "seconds"), "{:.0f}"), f"{max(mib):.1f}" if mib else ""])


def deciles(kinds):
    """Shares of the facts that summaries tell, by tenths of the documents; over all documents of a kind with facts in that tenth."""
    lines = ["| documents | model | strategy | " + " | ".join(map(str, range(1, 11))) + " |", "|" + "---|" * 13]
    for (kind, model), by_strategy in sorted(kinds.items()):
        for strategy in (*STRATEGIES, "first", "last"):
            rows = [record["coverage_by_decile"] for record in by_strategy.get(strategy, []) if record.get("coverage_by_decile")]
            if rows:
                told = [[value for value in column if value is not None] for column in zip(*rows)]
                shares = [f"{sum(values) / len(values):.2f}" if values else "" for values in told]
                lines.append(f"| {kind} | {model} | {strategy} | " + " | ".join(shares) + " |")
    return lines


def render(known):
    lines = ["| documents | model | strategy | n | facts of the first half | of the second | ROUGE-1 | ROUGE-2 | ROUGE-L | unsupported names and "
             "numbers | repetition | seconds | peak MiB |", "|" + "---|" * 13]
    kinds = {}
    for record in known.values():
        kind = record["case"].split(",")[0] if record["case"].startswith("sample") else record["case"].split(" ")[0]
        kinds.setdefault((kind, record["model"]), {}).setdefault(record["strategy"], []).append(record)
    for (kind, model), by_strategy in sorted(kinds.items()):
        for strategy in (*STRATEGIES, "first", "last"):
            if strategy in by_strategy:
                lines.append(f"| {kind} | {model} | {strategy} | {len(by_strategy[strategy])} | {row(by_strategy[strategy])} |")
    target = ROOT / "docs/results.md"
    text = target.read_text()
    for name, table in (("strategies", lines), ("deciles", deciles(kinds))):
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
        text = text[:text.index(begin) + len(begin)] + "\n".join(table) + "\n" + text[text.index(end):]
    target.write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--tokens", type=lambda text: text.split(","), default=["16000", "64000", "128000"])
    parser.add_argument("--seeds", type=lambda text: text.split(","), default=["911", "912"])
    parser.add_argument("--strategies", type=lambda text: text.split(","), default=list(STRATEGIES))
    parser.add_argument("--threads", type=int)
    parser.add_argument("--book", action="store_true")
    parser.add_argument("--papers", type=int, default=0)
    parser.add_argument("--edgeinf", type=Path, default=ROOT / "target/release/edgeinf")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--render", action="store_true")
    args = parser.parse_args()
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    lines = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    known = {key(record): record for record in map(json.loads, lines)}
    if not args.render:
        cases = list(samples(args.edgeinf, [n for n in args.tokens if n], args.seeds))
        cases += pairs("gulliver-book.jsonl", 1, "book") if args.book else []
        cases += pairs("aclsum.jsonl", args.papers, "paper", "120") if args.papers else []
        for case in cases:
            if args.again:
                for strategy in ("notes", "extract", "first", "last"):
                    known.pop((case.name, args.model, strategy), None)
                RESULTS.write_text("".join(json.dumps(record) + "\n" for record in known.values()))
            measure(args, case, known)
    render(known)


main()
