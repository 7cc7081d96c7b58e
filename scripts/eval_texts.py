#!/usr/bin/env python3
"""Fetches the texts that tests/eval/texts.toml lists and writes them to a folder.

usage: scripts/eval_texts.py DIR

Needs apt-get (with the mirror that this machine uses; its own package lists are not touched), dpkg-deb and npm.
"""

import sys
import tempfile
import tomllib
from pathlib import Path

from fetch import Apt, fail, unpack_npm
from sisu import without_markup


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    plan = tomllib.loads((Path(__file__).parent / "../tests/eval/texts.toml").read_text())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        apt = Apt(folder)
        roots = {}
        for key, package in plan["packages"].items():
            if "debian" in package:
                base = apt.unpack(package["debian"])
            else:
                base = unpack_npm(package["npm"], folder / key)
            roots[key] = base / package["root"]
        for kind in ("technical", "narrative"):
            for key, text in plan[kind].items():
                whole = (roots[text["package"]] / text["file"]).read_text(encoding="utf-8", errors="ignore")
                if text["file"].endswith(".sst"):
                    whole = without_markup(whole)
                begin = text.get("from", 0)
                cut = whole[begin:begin + plan["chars"]]
                if len(cut) < plan["chars"] // 2:
                    fail(f"only {len(cut)} characters of {key} are left; another version of the package?")
                (out / f"{key}.txt").write_text(cut, encoding="utf-8")
                print(f"{key}: {len(cut)} characters, {kind}")


main()
