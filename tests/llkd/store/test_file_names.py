"""The store keeps its promise: nobody else knows what a file of a project or a run is called."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
NAMES = (
    "texts.parquet", "targets.parquet", "judges.parquet", "evidence.parquet", "summary.json",
    "best.safetensors", "student-portable", "student-last", "calls.db", "log.txt",
    "part-*", "steps-", "decisions-", "signals-epoch", "eval-epoch", "checkpoint-", "round-0",
    "round-*", "probes/", "embeddings/", "neighbours/", "uploads/", "drafts/",
)  # fmt: skip
"""What the store calls its files: no other module may write these words into a path."""
FOLDERS = {"project", "run", "labeling_run", "job", "projects", "jobs", "locks"}
"""Folders of a home: what joins a name to one of them builds a path of the store's."""
OF_A_RUN = {"folder"}
FILES = sorted(
    path
    for folder in ("llkd", "ui", "pages")
    for path in (ROOT / folder).rglob("*.py")
    if not path.is_relative_to(ROOT / "llkd" / "store")
)


def text_of(node):
    """The constant parts of a string or an f-string."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) or "" for part in node.values)
    return None


def docstrings(tree):
    bodies = [node for node in ast.walk(tree) if hasattr(node, "body")]
    firsts = [node.body[0] for node in bodies if isinstance(node.body, list) and node.body]
    return {id(first.value) for first in firsts if isinstance(first, ast.Expr)}


def path_base(node):
    """The attribute or call that a path is built on."""
    while isinstance(node, ast.BinOp):
        node = node.left
    return node.func if isinstance(node, ast.Call) else node


def breaches(source):
    """What a module knows of the store's files, by line."""
    tree = ast.parse(source)
    apart = docstrings(tree)
    for node in ast.walk(tree):
        words = re.sub(r"--[a-z][a-z-]*", "", text_of(node) or "")  # flags of the command line
        if words and id(node) not in apart and any(name in words for name in NAMES):
            yield f"line {node.lineno}: {words!r} is a name of the store's"
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            base = path_base(node)
            if not isinstance(base, ast.Attribute):
                continue
            owner = ast.unparse(base.value)
            if base.attr in FOLDERS and owner.endswith("home"):
                yield f"line {node.lineno}: {ast.unparse(node)} is a path of the store's"
            if base.attr in OF_A_RUN and owner.split(".")[-1] == "run":
                yield f"line {node.lineno}: {ast.unparse(node)} is a path of the store's"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_other_module_names_a_file_of_the_store(path):
    assert list(breaches(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "line",
    [
        'store.home.project(3) / "texts" / name',
        'run.folder / "config.json"',
        'folder.glob("part-*.parquet")',
        'path = f"signals-epoch-{epoch:04d}.parquet"',
        'self._store.home.locks / f"x-{name}.lock"',
    ],
)
def test_the_check_finds_what_it_looks_for(line):
    assert list(breaches(line))


def test_store_modules_are_short_and_few():
    folder = ROOT / "llkd" / "store"
    for package in {path.parent for path in folder.rglob("*.py")} - {
        folder / "migrations" / "versions"
    }:
        assert len(list(package.glob("*.py"))) <= 20, package
    for path in folder.rglob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 350, path
