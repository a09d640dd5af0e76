"""A name says what a value is: bare participles ("found", "told", "kept") name nothing."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BARE = {
    "found", "told", "said", "made", "given", "asked", "heard", "kept", "chosen", "got", "taken",
    "seen", "meant", "looked", "drawn", "put", "one",
}  # fmt: skip
FOLDERS = ("llkd", "ui", "pages", "benchmarks")


def python_files():
    files = [ROOT / "app.py", *(f for d in FOLDERS for f in (ROOT / d).rglob("*.py"))]
    return sorted(files)


def bare_names(source):
    """Every name that the source gives to a value, function, argument or class and is bare."""
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.append((node.lineno, node.id))
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.append((node.lineno, node.attr))
        elif isinstance(node, ast.arg):
            names.append((node.lineno, node.arg))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append((node.lineno, node.name))
        elif isinstance(node, ast.alias) and node.asname:
            names.append((node.lineno, node.asname))
    return [(line, name) for line, name in names if name.strip("_").lower() in BARE]


@pytest.mark.parametrize(
    "source",
    [
        "found = 1",
        "def told(): ...",
        "def f(kept): ...",
        "class A:\n    said: int",
        "import os as got",
        "x = [one for one in y]",
        "self._made = 1",
        "if (seen := 1): ...",
        "lambda asked: 0",
        "for i, given in z: ...",
    ],
)
def test_the_check_sees_a_bare_name_wherever_it_is_bound(source):
    assert len(bare_names(source)) == 1


def test_names_that_say_what_they_hold_pass():
    assert not bare_names("kept_rows = found_in(files)\nfor text in texts: text.kept")


DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("path", DOCS, ids=lambda p: str(p.relative_to(ROOT)))
def test_examples_name_what_values_are_too(path):
    blocks = re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.S)
    assert [name for block in blocks for name in bare_names(block)] == []


@pytest.mark.parametrize("path", python_files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_no_bare_participle_is_a_name(path):
    assert bare_names(path.read_text(encoding="utf-8")) == []
