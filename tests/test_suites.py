"""The tests themselves: what is quick and what is not, and what a test file may reach."""

import ast
import tomllib
from types import SimpleNamespace

import pytest

from tests import conftest
from tests.support import suites
from tests.support.suites import FULL_ONLY, LEFT_OUT, QUICK, ROOT, TESTS, left_out

FILES = sorted(TESTS.rglob("*.py"))
TEST_FILES = [path for path in FILES if path.name.startswith("test_")]


def imports(path):
    """The modules that a file imports anywhere, also within its functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_every_collected_test_is_quick_or_says_why_not(request):
    assert request.session.items
    for item in request.session.items:
        names = {marker.name for marker in item.iter_markers()}
        assert (QUICK in names) != bool(names & set(FULL_ONLY)), item.nodeid


def test_every_place_that_is_left_out_exists_once():
    places = [place for group in LEFT_OUT.values() for place in group]
    assert places and len(places) == len(set(places))
    for place in places:
        assert (TESTS / place).is_dir() if place.endswith("/") else (TESTS / place).is_file(), place
        others = [other for other in places if other != place and other.endswith("/")]
        assert not [other for other in others if place.startswith(other)], place


def test_every_test_file_is_left_out_for_one_reason_or_quick():
    quick = [path for path in TEST_FILES if left_out(path) is None]
    assert len(TEST_FILES) > len(quick) > len(TEST_FILES) / 3
    for marker in LEFT_OUT:
        assert marker in FULL_ONLY
        assert [path for path in TEST_FILES if left_out(path) == marker]


def test_quick_opens_no_browser_and_does_not_even_import_what_drives_one():
    config = SimpleNamespace(option=SimpleNamespace(markexpr=QUICK))
    for path in TEST_FILES:
        ignored = conftest.pytest_ignore_collect(path, config)
        assert ignored is (True if left_out(path) else None), path
        if any(name.startswith(("playwright", "tests.support.browser")) for name in imports(path)):
            assert left_out(path) == "browser", path
    whole = SimpleNamespace(option=SimpleNamespace(markexpr=""))
    assert not [path for path in TEST_FILES if conftest.pytest_ignore_collect(path, whole)]


def test_each_folder_of_the_core_has_one_of_its_tests_and_no_other():
    packages = {path.parent.name for path in (ROOT / "llkd").glob("*/__init__.py")}
    folders = {path.name for path in (TESTS / "llkd").iterdir() if any(path.glob("test_*.py"))}
    assert folders - packages == {"faults"}, "what happens when disks, clocks and servers fail"
    assert packages - folders == set()
    alone = [path.name for path in (TESTS / "llkd").glob("test_*.py")]
    assert alone == ["test_boundaries.py"]


@pytest.mark.parametrize(
    ("place", "names", "params", "markers"),
    [
        ("browser/test_walk.py", {"models"}, {}, {"browser"}),
        ("llkd/config/test_settings.py", {"parametrize"}, {}, {QUICK}),
        ("llkd/students/test_students.py", {"models"}, {}, set()),
        ("llkd/store/test_store.py", set(), {"database": "postgresql"}, {"postgres"}),
        ("llkd/store/test_store.py", set(), {"database": "sqlite"}, {QUICK}),
    ],
)
def test_the_marker_of_a_test(place, names, params, markers):
    assert suites.markers_of(TESTS / place, names, params) == markers


def test_all_markers_are_registered():
    with (ROOT / "pyproject.toml").open("rb") as file:
        lines = tomllib.load(file)["tool"]["pytest"]["ini_options"]["markers"]
    assert {line.split(":")[0] for line in lines} == {QUICK, *FULL_ONLY}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_tests_share_is_in_support(path):
    """No test file imports from another: it would be collected, and its fixtures run, twice."""
    own = [name for name in imports(path) if name.split(".")[0] == "tests"]
    if path == TESTS / "test_suites.py":
        own = [name for name in own if name not in {"tests", "tests.conftest"}]
    assert not [name for name in own if not name.startswith("tests.support")], path


# What other libraries have no public name for, or (namedtuple, os) document with the underscore.
FOREIGN = {
    *("_attn_implementation", "_exit", "_replace"),
    *("_group_actions", "_subparsers"),  # argparse
    *("_reset", "_state"),  # streamlit
}


def is_private(name):
    return name.startswith("_") and not name.startswith("__") and name not in FOREIGN


def private_names(tree):
    """(line, name) of every private name of something else that a test reads, imports or replaces."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            if not (isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}):
                yield node.lineno, node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, alias.name) for alias in node.names if is_private(alias.name))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("setattr", "getattr")):
            for value in node.args[:2]:
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    name = value.value.rpartition(".")[2]
                    if is_private(name):
                        yield node.lineno, name


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_public_names_are_reached(path):
    """A seam that a test needs is a public name, or the test goes the way that users go."""
    assert list(private_names(ast.parse(path.read_text(encoding="utf-8")))) == []


def test_every_way_to_a_private_name_is_seen():
    code = (
        "from llkd.store import _a\nstore._b\nmonkeypatch.setattr(module, '_c', 1)\n"
        "monkeypatch.setattr('llkd.store._d', 1)\nself._own\nnode.__class__\n"
    )
    assert {name for _, name in private_names(ast.parse(code))} == {"_a", "_b", "_c", "_d"}
