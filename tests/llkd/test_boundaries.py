"""Imports go one way; the core knows no streamlit; what the pages import loads no torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAYERS = [
    {"errors", "config"},
    {"isolation"},
    {"signals", "selection", "strategies", "store", "commands"},
    {
        "datasets",
        "jobs",
        "charts",
        "models",
        "model_checks",
        "weights",
        "evaluation",
        "differences",
        "probing",
    },
    {"teachers", "students", "curation", "importing"},
    {"training", "exporting", "fairness", "upkeep"},
    {"comparisons", "contrasts"},
    {"pipeline"},
    {"cli"},
]
LEVEL = {name: number for number, layer in enumerate(LAYERS) for name in layer}
PAGES_MAY = {
    "errors", "config", "datasets", "signals", "selection", "strategies", "store", "jobs",
    "commands", "charts", "comparisons", "contrasts", "curation", "evaluation", "exporting", "fairness",
    "importing",
}  # fmt: skip
# Of the teachers, pages see only the words of a prompt.
OF_TEACHERS = {"rendering", "base"}


def names_imported(path):
    """Every name that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


def imported(path):
    """Every llkd module that a file imports."""
    modules = {name.split(".")[1] for name in names_imported(path) if name.startswith("llkd.")}
    return {name for name in modules if name in LEVEL}


def module_of(path):
    return path.relative_to(ROOT / "llkd").parts[0].removesuffix(".py")


CORE = sorted(
    p for p in (ROOT / "llkd").rglob("*.py") if p.parent != ROOT / "llkd" or p.stem[0] != "_"
)


def test_every_module_has_a_layer():
    assert {module_of(path) for path in CORE} == set(LEVEL)


@pytest.mark.parametrize("path", CORE, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_one_way(path):
    me = module_of(path)
    upward = {name for name in imported(path) if name != me and LEVEL[name] > LEVEL[me]}
    assert not upward, f"{me} imports {upward}, which stand above it"


def test_charts_know_no_project_module():
    for path in (ROOT / "llkd" / "charts").rglob("*.py"):
        assert imported(path) <= {"charts"}, path


def test_pages_import_only_what_loads_no_torch():
    files = [ROOT / "app.py", *(ROOT / "ui").rglob("*.py"), *(ROOT / "pages").glob("*.py")]
    assert len(files) > 8
    for path in files:
        assert imported(path) - {"teachers"} <= PAGES_MAY, path
        teachers = {
            name.split(".")[2] for name in names_imported(path) if name.startswith("llkd.teachers.")
        }
        assert teachers <= OF_TEACHERS, path


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_core_never_imports_streamlit():
    names = [f"llkd.{name}" for name in LEVEL]
    code = f"import sys, importlib\nfor n in {names!r}: importlib.import_module(n)\n"
    assert run(code + "print('streamlit' in sys.modules)") == "False"


def test_what_the_pages_import_loads_no_torch():
    names = sorted(f"llkd.{name}" for name in PAGES_MAY)
    names += [f"llkd.teachers.{name}" for name in sorted(OF_TEACHERS)]
    code = f"import sys, importlib\nfor n in {names!r}: importlib.import_module(n)\n"
    heavy = "print(sorted({'torch', 'transformers', 'sklearn', 'openai', 'tokenizers'} & set(sys.modules)))"
    assert run(code + heavy) == "[]"
