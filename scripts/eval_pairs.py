#!/usr/bin/env python3
"""Fetches documents with summaries by their own authors and by experts, and writes pairs for `edgeinf eval answer` to a folder.

usage: scripts/eval_pairs.py DIR

gulliver-chapters.jsonl, gulliver-book.jsonl, gulliver.txt   Gulliver's Travels without its synopses, and these
aclsum.jsonl, aclsum-aspects.jsonl                           papers, their abstracts, and three answers of experts on each
aclsum-train.jsonl                                           other papers and their abstracts, to train on

Needs apt-get (with the mirror that this machine uses; its own package lists are not touched), dpkg-deb and pip.
"""

import json
import re
import sys
import tempfile
import zipfile
from pathlib import Path

from fetch import Apt, download_wheel, fail
from pairs import write_pairs
from sisu import without_markup

GULLIVER = "usr/share/doc/sisu-markup-samples/samples/minimal/gullivers_travels.jonathan_swift.sst"
CHAPTERS = [8, 8, 11, 12]
TEST_PAPERS = 30
QUESTIONS = {
    "challenge": "What problem does this paper address?",
    "approach": "How do the authors of this paper approach the problem?",
    "outcome": "What does this paper achieve or find?",
}


def gulliver(source):
    """A pair for each chapter, and one for the whole book."""
    source = re.sub(r"^\^~ .*\n?", "", source, flags=re.M)  # notes by editors, collected behind the last chapter
    text = re.sub(r"(?<=\w)- (?=\w)", "-", without_markup(source).strip())  # where a line was broken at its hyphen
    book, chapters = [], []
    part = chapter = 0
    paragraphs = iter(text.split("\n\n"))
    for paragraph in paragraphs:
        book.append(paragraph)
        if re.match(r"PART [IV]+\b", paragraph):
            part, chapter = part + 1, 0
        elif re.fullmatch(r"CHAPTER [IVX]+\.", paragraph):
            chapter += 1
            synopsis = next(paragraphs, "")
            if not re.fullmatch(r"\[[^][]+\]", synopsis):
                fail(f"chapter {chapter} of part {part} of Gulliver's Travels has no synopsis; another version of the package?")
            chapters.append({"id": f"gulliver-{part}-{chapter:02}", "document": [], "reference": synopsis[1:-1]})
        elif chapters:
            chapters[-1]["document"].append(paragraph)
    ids = [f"gulliver-{part}-{chapter:02}" for part, n in enumerate(CHAPTERS, 1) for chapter in range(1, n + 1)]
    if [pair["id"] for pair in chapters] != ids:
        fail(f"Gulliver's Travels has not {CHAPTERS} chapters in its parts; another version of the package?")
    whole = {"id": "gulliver", "document": book, "reference": "\n".join(pair["reference"] for pair in chapters)}
    for pair in [*chapters, whole]:
        pair["document"] = "\n\n".join(pair["document"])
        if mark := re.search(r"[~{}^*_@%]", pair["document"] + pair["reference"]):
            fail(f"'{mark[0]}' is left in {pair['id']}, which looks like markup; another version of the package?")
    return chapters, whole


def text_of(paper):
    """Title, headings and paragraphs. What stands under no heading is left out: footnotes, and a rest of the abstract."""
    parts = [paper["title"]]
    above = None
    for paragraph in paper["pdf_parse"]["body_text"]:
        if not paragraph["section"]:
            continue
        heading = f"{paragraph['sec_num'] or ''} {paragraph['section']}".strip()
        if heading != above:
            parts.append(heading)
            above = heading
        text = paragraph["text"]
        if text == "EQUATION":
            text = " ".join(span["raw_str"] for span in paragraph["eq_spans"])
        parts.append(text.strip())
    return "\n\n".join(part for part in parts if part)


def aclsum(wheel, split):
    """Pairs of the papers with their abstracts, and three of each with the experts' sentences."""
    summaries, aspects = [], []
    for line in wheel.read(f"aclsum/dataset/{split}.jsonl").splitlines():
        entry = json.loads(line)
        paper = json.loads(wheel.read(f"aclsum/dataset/paper_jsons/{entry['id']}.json"))
        document = text_of(paper)
        summaries.append({"id": entry["id"], "document": document, "reference": paper["abstract"].strip()})
        aspects.append([{"id": f"{entry['id']}-{aspect}", "document": document, "question": question,
                         "reference": entry["summary"][aspect]} for aspect, question in QUESTIONS.items()])
    return summaries, aspects


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = Apt(folder / "apt").unpack("sisu-markup-samples") / GULLIVER
        if not source.is_file():
            fail("Gulliver's Travels is not in sisu-markup-samples; another version of the package?")
        chapters, book = gulliver(source.read_text(encoding="utf-8"))
        with zipfile.ZipFile(download_wheel("aclsum==0.1.2", folder / "wheel")) as wheel:
            test, aspects = aclsum(wheel, "test")
            train, _ = aclsum(wheel, "train")
    write_pairs(out / "gulliver-chapters.jsonl", chapters)
    write_pairs(out / "gulliver-book.jsonl", [book])
    (out / "gulliver.txt").write_text(book["document"] + "\n", encoding="utf-8")
    write_pairs(out / "aclsum.jsonl", test[:TEST_PAPERS])
    write_pairs(out / "aclsum-aspects.jsonl", [pair for three in aspects[:TEST_PAPERS] for pair in three])
    write_pairs(out / "aclsum-train.jsonl", train)


main()
