#!/usr/bin/env python3
"""Fetches the texts that tests/eval/texts.toml lists and writes them to a folder.

usage: scripts/eval_texts.py DIR

Needs apt-get (with the mirror that this machine uses; its own package lists are not touched), dpkg-deb and npm.
"""

import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path


def run(*command, cwd):
    result = subprocess.run(command, cwd=cwd, text=True, stdout=subprocess.PIPE)
    if result.returncode != 0:
        sys.exit(f"eval_texts.py: {' '.join(command[:2])} ... failed with {result.returncode}; is the network there?")
    return result.stdout


class Apt:
    """apt-get with lists of its own, since the section non-free may be missing in the machine's."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("parts", "lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True)
        uris = run("apt-get", "indextargets", "--format", "$(REPO_URI)", cwd=folder).split()
        mirror = next((uri for uri in uris if "security" not in uri), None)
        if mirror is None:
            sys.exit("eval_texts.py: this machine has no Debian mirror; run it on Debian 12")
        source = ["Types: deb", f"URIs: {mirror}", "Suites: bookworm", "Components: main non-free",
                  "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg"]
        (folder / "parts/all.sources").write_text("\n".join(source) + "\n")
        settings = {"Dir::Etc::sourcelist": "/dev/null", "Dir::Etc::sourceparts": folder / "parts",
                    "Dir::State::Lists": folder / "lists", "Dir::Cache": folder / "cache", "APT::Sandbox::User": "root"}
        self.options = [f"-o{key}={value}" for key, value in settings.items()]
        run("apt-get", *self.options, "update", "-qq", cwd=folder)

    def unpack(self, package):
        run("apt-get", *self.options, "-qq", "download", package, cwd=self.folder)
        deb = next(self.folder.glob(f"{package}_*.deb"))
        run("dpkg-deb", "-x", deb, self.folder / package, cwd=self.folder)
        return self.folder / package


def unpack_npm(package, folder):
    folder.mkdir()
    archive = run("npm", "pack", "--silent", package, cwd=folder).split()[-1]
    with tarfile.open(folder / archive) as tar:
        tar.extractall(folder, filter="data")
    return folder


def without_markup(text):
    """The words of a SiSU document."""
    begin = re.search(r"^:?A~.*$", text, re.M)
    text = text[begin.end():] if begin else text
    for pattern, flags in ((r"^%.*\n", re.M), (r"^:?[A-D1-6]~\S*[ \t]*", re.M), (r"~\^|\^~ ?|~#", 0), (r"~\{.*?\}~", re.S)):
        text = re.sub(pattern, "", text, flags=flags)
    text = re.sub(r"([/*_!])\{(.*?)\}\1", r"\2", text, flags=re.S)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


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
                    sys.exit(f"eval_texts.py: only {len(cut)} characters of {key} are left; another version of the package?")
                (out / f"{key}.txt").write_text(cut, encoding="utf-8")
                print(f"{key}: {len(cut)} characters, {kind}")


main()
