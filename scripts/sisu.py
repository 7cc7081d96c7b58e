"""The markup of the documents in the Debian package sisu-markup-samples."""

import re


def without_markup(text):
    """The words of a SiSU document, or of a part of it."""
    begin = re.search(r"^:?A~.*$", text, re.M)
    text = text[begin.end():] if begin else text
    for pattern, flags in ((r"^%.*\n", re.M), (r"^:?[A-D1-6]~\S*[ \t]*", re.M), (r"~\^|\^~ ?|~#", 0), (r"~\{.*?\}~", re.S)):
        text = re.sub(pattern, "", text, flags=flags)
    text = re.sub(r"([/*_!])\{(.*?)\}\1", r"\2", text, flags=re.S)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
