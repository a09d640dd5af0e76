"""The web process stays light: rendering every page imports neither torch nor transformers."""

import subprocess
import sys
from pathlib import Path

from seed import ROOT, seeded_project

SCRIPT = """
import sys
sys.path[:0] = [{root!r}, {tests!r}]
import seed
from streamlit.testing.v1 import AppTest

for project in ("city", "new"):
    for page in ("data", "teacher", "curate", "train", "results", "export"):
        app = seed.opened(page, project=project)
        app.run()
        assert not app.exception, (page, app.exception)
heavy = sorted({{"torch", "transformers", "llkd.students", "llkd.training", "llkd.pipeline",
                 "llkd.teachers.local", "llkd.teachers.api"}} & set(sys.modules))
print("heavy:", heavy)
"""
ALLOWED = {
    *("config", "errors", "datasets", "signals", "selection", "strategies", "store", "jobs"),
    *(
        "commands",
        "charts",
        "comparisons",
        "contrasts",
        "curation",
        "evaluation",
        "exporting",
        "fairness",
    ),
    "importing",
}


def test_rendering_every_page_leaves_torch_out(home):
    seeded_project(home)
    seeded_project(home, name="new", labelled=False, probed=False)
    script = SCRIPT.format(root=str(ROOT), tests=str(Path(__file__).parent))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip().endswith("heavy: []")


def test_pages_import_only_what_the_web_process_may():
    import ast

    files = [ROOT / "app.py", *ROOT.glob("pages/*.py"), *ROOT.glob("ui/**/*.py")]
    assert len(files) > 15
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = []
            if isinstance(node, ast.ImportFrom) and node.module:
                modules = [node.module]
                if node.module == "llkd":
                    modules = [f"llkd.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            for module in modules:
                parts = module.split(".")
                assert parts[0] not in {"torch", "transformers", "sklearn"}, (path, module)
                if parts[:2] == ["llkd", "teachers"]:
                    # Only the words of a prompt: no model and no server.
                    names = parts[2:] or [alias.name for alias in node.names]
                    assert set(names[:1] if parts[2:] else names) <= {"rendering", "base"}, path
                elif parts[0] == "llkd":
                    assert len(parts) > 1 and parts[1] in ALLOWED, (path, module)


def test_the_core_knows_nothing_of_the_pages():
    for path in ROOT.glob("llkd/**/*.py"):
        source = path.read_text(encoding="utf-8")
        assert "import streamlit" not in source and "from streamlit" not in source, path
        assert "from ui" not in source and "import ui" not in source, path


def test_pages_are_left_and_beats_are_set_in_one_place_each():
    """Elsewhere, what a browser asks for a page that was left would clear the next one."""
    for words, own in (("run_every", "ui/timed.py"), ("switch_page", "ui/page.py")):
        files = [ROOT / "app.py", *(ROOT / "pages").rglob("*.py"), *(ROOT / "ui").rglob("*.py")]
        found = [str(f.relative_to(ROOT)) for f in files if f"{words}=" in f.read_text()
                 or f"{words}(" in f.read_text()]  # fmt: skip
        assert found == [own], words
