"""A box that somebody opened stays open when something above it comes or goes.

Streamlit knows an expander or popover without a key by its place on the page: a sentence that is
shown once above it closed it at the next press.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted([*ROOT.glob("ui/**/*.py"), *ROOT.glob("pages/*.py"), ROOT / "app.py"])
# One file of several, all with remarks of their own; it stands above all that changes.
WITHOUT = {("ui/data/preview.py", "show_warnings")}


def boxes_without_key(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        for call in ast.walk(function):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and call.func.attr in ("expander", "popover")
                and "key" not in {keyword.arg for keyword in call.keywords}
            ):
                yield function.name


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_each_box_has_a_key(file):
    place = str(file.relative_to(ROOT))
    assert {name for name in boxes_without_key(file) if (place, name) not in WITHOUT} == set()


def test_the_exception_is_still_one():
    for place, function in WITHOUT:
        assert function in set(boxes_without_key(ROOT / place))
