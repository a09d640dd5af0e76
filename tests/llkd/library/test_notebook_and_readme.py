"""The notebook and the README's script, as a stranger runs them, with the embedded models."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import llkd
from tests.support import installed_wheel

ROOT = Path(__file__).resolve().parents[3]
NOTEBOOK = ROOT / "docs" / "notebook.ipynb"
MOST_LINES = 15


def cells():
    import nbformat

    document = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(document)
    return document


def code_lines(source):
    return [line for line in source.splitlines() if line.strip() and not line.startswith("#")]


def test_the_notebook_is_short_and_holds_no_outputs():
    code = [cell for cell in cells().cells if cell.cell_type == "code"]
    lines = [line for cell in code for line in code_lines(cell.source)]
    assert 0 < len(lines) <= MOST_LINES
    assert all(len(line) <= 100 and ";" not in line for line in lines)
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)


@pytest.mark.models
def test_the_notebook_runs_in_a_kernel_to_a_saved_student(tmp_path, monkeypatch):
    from nbclient import NotebookClient

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    document = cells()
    client = NotebookClient(
        document,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    )
    client.execute()
    shown = [
        str(output.get("text") or output.get("data", {}).get("text/plain", ""))
        for cell in document.cells
        for output in cell.get("outputs", [])
        if output.get("name") != "stderr"
    ]
    assert any("1,040 texts, 5 classes" in text for text in shown)
    assert sum("macro-F1" in text for text in shown) == 2
    assert len(llkd.load_student(tmp_path / "student").classes) == 5
    assert (tmp_path / "curated" / "manifest.json").exists()


def readme_script():
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return page, blocks[0]


def test_the_readme_shows_five_lines_near_its_top():
    page, script = readme_script()
    assert len(code_lines(script)) == 5
    assert page.index(script) < len(page) / 3


@pytest.mark.models
def test_the_readme_script_runs_with_what_pip_installs(tmp_path):
    """With the unpacked wheel and the embedded models, from a folder that knows nothing of us."""
    _, script = readme_script()
    wheel = installed_wheel.build(
        installed_wheel.copy_of_the_tree(tmp_path / "tmp" / "tree"), tmp_path / "tmp" / "out"
    )
    site = installed_wheel.unpacked(wheel, tmp_path / "tmp" / "site")
    (tmp_path / "script.py").write_text(script)
    environment = installed_wheel.environment(site)
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "workspace").exists() and not list((tmp_path / "tmp").glob("llkd-*"))
    student = llkd.load_student(tmp_path / "student")
    assert len(student.classes) == 5 and done.stdout.strip().strip("[]'") in student.classes
