#!/usr/bin/env python3
"""Fetches documents with answers that need what stands early in them, and writes pairs for `edgeinf train` to a folder.

usage: scripts/train_pairs.py DIR

abstracts.jsonl      memos of the Internet's engineers (RFCs) with their authors' abstracts
chapters.jsonl       chapters of Don Quixote with their titles, which tell what happens in them
pieces.jsonl         pieces of War and Peace
facts.jsonl          facts of invented documents (`edgeinf sample`)
dense-1.jsonl, dense-2.jsonl
                     the same with the facts of three other documents between the sentences: a reading teaches four times as much

Of the first three more is asked than one thing: headings, what a section says, names, how the text goes on after some words; always of what stands
early. Pairs of the same document are read together. Nothing of Gulliver's Travels, of ACLSum, of the excerpts in tests/eval/texts.toml or of a seed that evaluations use is in it.
Needs apt-get (with the mirror that this machine uses; its own package lists are not touched), dpkg-deb, and a release build of edgeinf, or
the program that EDGEINF names.
"""

import gzip
import random
import re
import sys
import tempfile
import tomllib
from pathlib import Path

from fetch import Apt, fail
from pairs import write_pairs
from sample_pairs import sample
from sisu import without_markup

HERE = Path(__file__).parent
# tokens are about 4.4 characters: more than a sequence holds, which is cut, or at least most of it
LEAST_CHARS, MOST_CHARS = 13_000, 28_000
# what is asked stands in so many characters, which have left every cache that is trained with
EARLY_CHARS = 6_500
SAMPLE_SEEDS = range(5001, 5061)


def paragraphs_of(memo):
    """Those of an RFC, without page breaks; prose on one line, figures as they are."""
    memo = re.sub(r"\n+[^\n]*\[Page [^\]\n]*\]\s*\n\f?\n?(?:RFC [^\n]*\n)?\n*", "\n\n", memo.lstrip("\ufeff").replace("\r", ""))
    for block in re.split(r"\n\s*\n", memo.replace("\f", "")):
        lines = [line for line in block.split("\n") if line.strip()]
        if not lines:
            continue
        indent = min(len(line) - len(line.lstrip()) for line in lines)
        text = "\n".join(line[indent:].rstrip() for line in lines)
        words = re.findall(r"[A-Za-z]{2,}", text)
        prose = indent <= 3 and sum(map(len, words)) > 0.7 * len(re.sub(r"\s", "", text))
        yield indent, re.sub(r"\s+", " ", text) if prose else text


def abstract_of(memo):
    """An RFC's abstract and what comes after its contents; none if it has no such parts."""
    abstract, body, where = [], [], None
    for indent, text in paragraphs_of(memo):
        heading = indent == 0 and "\n" not in text and len(text) < 80
        if heading and re.fullmatch(r"(\d+\.?\s+)?Abstract:?", text, re.I):
            where = "abstract"
        elif heading and where != "body" and re.match(r"1\.?\s+\S", text):
            where = "body"
            body.append(text)
        elif heading and where == "body" and re.search(r"\bReferences\b|Author.*Address|Acknowledg", text):
            break
        elif heading and where == "abstract":
            where = "front"
        elif where == "abstract":
            abstract.append(re.sub(r"\s+", " ", text))
        elif where == "body":
            body.append(text)
    return " ".join(abstract), "\n\n".join(body)


HEADING = re.compile(r"^((?:\d+\.)+\d*|\d+)\s+(\S[^\n]{2,70})$", re.M)
SENTENCE = re.compile(r"[.!?][\"”]? (?=[A-Z“\"])")


def sections(text):
    """What the first sections are called, and what one of them says."""
    early = [heading for heading in HEADING.finditer(text) if heading.start() < EARLY_CHARS]
    if len(early) >= 3:
        yield "headings", "What are the headings of the first sections?", "; ".join(h[2].strip() for h in early[:12])
    chance = random.Random(len(text))
    chance.shuffle(early)
    for heading in early:
        begin = text[heading.end():heading.end() + 600].lstrip("\n").split("\n\n")[0]
        if heading.start() > 800 and len(begin) > 120 and "\n" not in begin:
            ends = [m.start() + 1 for m in SENTENCE.finditer(begin) if 80 < m.start() < 320] or [len(begin)]
            yield "section", f'What does the section "{heading[2].strip()}" say?', begin[:ends[-1]]
            break


def names(text):
    """Whom the early part names, the most frequent first."""
    early = re.sub(r"\s+", " ", text[:EARLY_CHARS])
    inside = re.findall(r"(?<=[a-z,;] )[A-Z][a-z]+(?: [A-Z][a-z]+)*", early)
    often = sorted({name for name in inside if len(name) > 2}, key=lambda name: (-inside.count(name), early.index(name)))
    common = set(re.findall(r"[a-z]+", early))
    often = [name for name in often if name.lower() not in common]
    often = [name for name in often if not any(name in other and name != other for other in often)]
    if len(often) >= 4:
        yield "names", "Who is named, and which places?", ", ".join(often[:10])


def goes_on(text, n):
    """How the text goes on after some of its words, at n places."""
    early = [m.end() for m in SENTENCE.finditer(text) if 600 < m.end() < EARLY_CHARS and "\n\n" not in text[m.end():m.end() + 200]]
    for i, at in enumerate(random.Random(len(text)).sample(early, min(n, len(early)))):
        before, after = text[:at].split()[-16:], " ".join(text[at:at + 400].split()[:40])
        yield f"on-{i}", f'How does the document go on after the words "{" ".join(before)}"?', after


def asked(pair, *more):
    """A pair and others of the same document."""
    yield pair
    for what, question, reference in (ask for asks in more for ask in asks):
        yield {"id": f"{pair['id']}-{what}", "document": pair["document"], "reference": reference, "question": question}


def abstracts(folder):
    """Those of at most 300 memos, evenly from all that are long enough, and what else is asked of them."""
    pairs = []
    for path in sorted(folder.glob("usr/share/doc/RFC/*/rfc*.txt.gz")):
        if path.is_symlink() or path.parent.name == "links":
            continue
        abstract, body = abstract_of(gzip.decompress(path.read_bytes()).decode("utf-8", errors="ignore"))
        if 250 <= len(abstract) <= 1600 and len(body) >= LEAST_CHARS:
            pairs.append({"id": path.name.split(".")[0], "document": body[:MOST_CHARS], "reference": abstract})
    if len(pairs) < 100:
        fail(f"only {len(pairs)} RFCs with abstracts were found; another version of the package?")
    for pair in pairs[::-(-len(pairs) // 300)]:
        yield from asked(pair, sections(pair["document"]), goes_on(pair["document"], 2))


def untouched(file, plan):
    """Whether a part of a book, from one character to another, is in none of the excerpts that evaluations use."""
    used = [(entry.get("from", 0), entry.get("from", 0) + plan["chars"])
            for kind in ("technical", "narrative") for entry in plan[kind].values() if entry["file"] == file]
    return lambda begin, end: all(end <= first or begin >= last for first, last in used)


def chapters(source, file, plan):
    text = without_markup(source)
    free = untouched(file, plan)
    headings = list(re.finditer(r"^Chapter [IVXLC]+\b.*$", text, re.M))
    pairs = []
    for heading, following in zip(headings, [*headings[1:], None]):
        end = following.start() if following else len(text)
        title, _, rest = text[heading.end():end].strip("\n -.").partition("\n\n")
        title = re.sub(r"\s+", " ", title)
        if 40 <= len(title) <= 400 and len(rest) >= LEAST_CHARS and free(heading.start(), end):
            pairs.append({"id": f"quixote-{heading.start()}", "document": rest[:MOST_CHARS], "reference": title,
                          "question": "What is told in this chapter?"})
    if len(pairs) < 20:
        fail(f"only {len(pairs)} chapters of Don Quixote were found; another version of the package?")
    return [more for pair in pairs for more in asked(pair, names(pair["document"]), goes_on(pair["document"], 2))]


def pieces(source, file, plan):
    text = without_markup(source)
    free = untouched(file, plan)
    pairs = []
    for begin in range(100_000, len(text) - 20_000, 37_000):
        piece = text[begin:begin + 18_000].partition("\n\n")[2]
        asks = [*names(piece), *goes_on(piece, 3)]
        if free(begin, begin + 18_000) and asks:
            pairs += [{"id": f"peace-{begin}-{what}", "document": piece, "reference": reference, "question": question}
                      for what, question, reference in asks]
    return pairs


def facts():
    """All facts of invented documents that a window loses."""
    pairs = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in SAMPLE_SEEDS:
            document, facts = sample(3900, seed, Path(folder))
            pairs += [{"id": f"sample-{seed}/{fact['id']}", "document": document, "reference": fact["answer"], "question": fact["question"]}
                      for fact in facts if fact["depth"] <= 0.8]
    return pairs


def dense_facts():
    """Invented documents with the facts of three others between their sentences: what is asked of each document."""
    rng = random.Random(7)
    documents = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in SAMPLE_SEEDS:
            document, facts = sample(3500, seed, Path(folder))
            facts = [fact for fact in facts if fact["depth"] <= 0.8]
            more = [fact for other in (1000, 2000, 3000) for fact in sample(1500, seed + other, Path(folder))[1]]
            more = [fact for fact in more if fact["answer"] not in document]
            # between two sentences of a paragraph, where a window loses it
            ends = [match.end() for match in re.finditer(r"[a-z]{3}\. (?=[A-Z])", document)]
            ends = [end for end in ends if 0.03 * len(document) < end < 0.78 * len(document)]
            for end, fact in zip(sorted(rng.sample(ends, len(more)), reverse=True), more):
                document = document[:end] + fact["sentence"].strip() + " " + document[end:]
            documents.append([{"id": f"dense-{seed}/{i}-{fact['id']}", "document": document, "reference": fact["answer"],
                               "question": fact["question"]} for i, fact in enumerate(facts + more)])
    return documents


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    plan = tomllib.loads((HERE / "../tests/eval/texts.toml").read_text())
    root = Path(plan["packages"]["sisu"]["root"])
    with tempfile.TemporaryDirectory() as name:
        apt = Apt(Path(name))
        memos = [pair for kind in ("experimental", "informational") for pair in abstracts(apt.unpack(f"doc-rfc-{kind}"))]
        books = apt.unpack("sisu-markup-samples") / root
        read = lambda file: ((books / file).read_text(encoding="utf-8"), file, plan)
        write_pairs(out / "abstracts.jsonl", memos)
        write_pairs(out / "chapters.jsonl", chapters(*read("don_quixote.miguel_de_cervantes.sst")))
        write_pairs(out / "pieces.jsonl", pieces(*read("war_and_peace.leo_tolstoy.sst")))
    write_pairs(out / "facts.jsonl", facts())
    dense = dense_facts()
    for name, half in ("dense-1", dense[: len(dense) // 2]), ("dense-2", dense[len(dense) // 2 :]):
        write_pairs(out / f"{name}.jsonl", [pair for pairs in half for pair in pairs])


main()
