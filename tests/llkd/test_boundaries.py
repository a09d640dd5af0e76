"""Imports go one way; the core knows no streamlit; what the pages import loads no torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.layers import LEVEL

ROOT = Path(__file__).resolve().parents[2]
PAGES_MAY = {
    "errors", "config", "datasets", "selection", "store", "jobs", "charts", "curation",
    "evaluation", "exporting", "installation", "publishing",
}  # fmt: skip
HEAVY = {"torch", "transformers", "sklearn", "openai", "tokenizers", "onnxruntime", "ray"}
# Of the teachers, pages see their kinds and the words of a prompt.
OF_TEACHERS = {"prompt_preview", "base", "registry", "kind", "confidence"}

WEB = [ROOT / "app.py", *(ROOT / "ui").rglob("*.py"), *(ROOT / "pages").glob("*.py")]


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
    assert len(WEB) > 8
    for path in WEB:
        assert imported(path) - {"teachers"} <= PAGES_MAY, path
        teachers = {
            name.split(".")[2] for name in names_imported(path) if name.startswith("llkd.teachers.")
        }
        assert teachers <= OF_TEACHERS, path
        assert not {name.split(".")[0] for name in names_imported(path)} & HEAVY, path


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


def is_module(name):
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def loaded_by(names):
    """The modules that are loaded once these are imported, in a process of its own."""
    code = (
        f"import sys, importlib\nfor n in {sorted(names)!r}: importlib.import_module(n)\n"
        "print(*sys.modules)"
    )
    return set(run(code).split())


@pytest.mark.parametrize("path", CORE, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_core_names_neither_streamlit_nor_the_pages(path):
    tops = {name.split(".")[0] for name in names_imported(path)}
    assert not tops & {"streamlit", "ui", "pages", "app"}


def test_the_core_never_imports_streamlit():
    assert "streamlit" not in loaded_by(f"llkd.{name}" for name in LEVEL)


def test_a_command_waits_for_neither_torch_nor_statistics():
    """Whatever is typed, all commands are known; what only some need is loaded by these."""
    heavy = {"torch", "sklearn", "scipy.stats", "ray"}
    for start in ("llkd.cli.parser", "llkd.workflows.job_work"):  # of a command, and of a job
        assert not heavy & loaded_by([start]), start


def test_what_the_pages_import_loads_no_torch():
    """Every submodule that a page or a part of one imports, wherever in its file."""
    modules = {name for path in WEB for name in names_imported(path) if is_module(name)}
    modules |= {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in WEB
        if path.parts[len(ROOT.parts)] == "ui"
    }
    assert {"llkd.curation", "llkd.store", "ui.shell.page"} <= modules and len(modules) > 100
    assert loaded_by(modules) & HEAVY == set()
