"""Fetches packages for the scripts beside it, with the clients that this machine has, as they are set up; nothing is installed."""

import importlib.util
import subprocess
import sys
import tarfile
from pathlib import Path

REMEDIES = {
    "apt-get": "run this on Debian 12",
    "dpkg-deb": "install the Debian package dpkg",
    "npm": "install the Debian package npm",
    "pip": "install the Debian package python3-pip",
}


def fail(message):
    sys.exit(f"{Path(sys.argv[0]).name}: {message}")


def fail_missing(tool):
    fail(f"{tool} is missing; {REMEDIES[tool]}")


def run(*command, cwd):
    try:
        result = subprocess.run(command, cwd=cwd, text=True, stdout=subprocess.PIPE)
    except FileNotFoundError:
        fail_missing(command[0])
    if result.returncode != 0:
        words = [Path(command[0]).name, *(word for word in map(str, command[1:]) if not word.startswith("-"))]
        fail(f"{' '.join(words)} failed with {result.returncode}; is the network there?")
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
            fail("this machine has no Debian mirror; run it on Debian 12")
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


def download_wheel(requirement, folder):
    """The path of the wheel, which is a zip; nothing is installed."""
    if importlib.util.find_spec("pip") is None:
        fail_missing("pip")
    folder.mkdir()
    options = ["--no-deps", "--only-binary=:all:", "--no-cache-dir", "--disable-pip-version-check", "--no-input", "-q"]
    run(sys.executable, "-m", "pip", "download", *options, requirement, cwd=folder)
    return next(folder.glob("*.whl"))
