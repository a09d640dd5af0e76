"""The wheel of this working tree, and programs that have it and not the repository."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]


def files_of_the_tree():
    """Every file that belongs to the repository or is about to, relative to its root."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout.decode()  # fmt: skip
    return sorted(name for name in listed.split("\0") if name and (ROOT / name).is_file())


def copy_of_the_tree(folder):
    """The files of the repository in ``folder``, as a clone has them."""
    for name in files_of_the_tree():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    return folder


def build(source, out, kind="wheel"):
    """What ``pip install`` makes of ``source``, without its isolated environment: a wheel, or an sdist."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(out)],
        cwd=source, capture_output=True, check=True,
    )  # fmt: skip
    (file,) = out.glob({"wheel": "*.whl", "sdist": "*.tar.gz"}[kind])
    return file


def unpacked(wheel, folder):
    """A folder as an installation leaves it, to be named in PYTHONPATH."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def environment(site, **variables):
    """The environment of a program that has the unpacked wheel and not the repository."""
    return {**os.environ, "PYTHONPATH": str(site), **variables}


def names_in(wheel):
    """The files in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def metadata(wheel):
    """What a wheel says of itself."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


def needed(wheel):
    """Requirements by extra: None for what is always installed."""
    by_extra = {None: []}
    for line in metadata(wheel).get_all("Requires-Dist"):
        requirement = Requirement(line)
        extra = re.search(r"extra == ['\"](.+?)['\"]", line)
        by_extra.setdefault(extra and extra[1], []).append(requirement)
    return by_extra


def names(requirements):
    """Names of packages in their one spelling."""
    return {canonicalize_name(requirement.name) for requirement in requirements}


def listed(file):
    """The pins of a list of requirements."""
    lines = (ROOT / file).read_text().splitlines()
    return [Requirement(line) for line in lines if re.match(r"[A-Za-z]", line)]
