"""``import llkd`` is light, and every public name is there, listed and typed."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import llkd

ROOT = Path(__file__).resolve().parents[3]


def run(code):
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_loads_nothing_heavy():
    heavy = {
        "torch",
        "pandas",
        "numpy",
        "pyarrow",
        "sqlalchemy",
        "pydantic",
        "transformers",
        "tqdm",
    }
    code = f"import sys, llkd; print(sorted({heavy!r} & set(sys.modules)))"
    assert run(code) == "[]"


def test_reading_and_looking_load_no_torch():
    code = (
        "import sys, llkd\n"
        "t = llkd.read_texts(['a good one', 'a bad one'], labels=['x', 'y'], progress=False)\n"
        "repr(t), t.to_frame()\n"
        "print('torch' in sys.modules, 'streamlit' in sys.modules)"
    )
    assert run(code) == "False False"


def test_every_public_name_can_be_used_and_is_listed():
    assert set(llkd.__all__) <= set(dir(llkd))
    for name in llkd.__all__:
        assert getattr(llkd, name) is not None


def test_what_a_type_checker_imports_is_what_there_is():
    tree = ast.parse((ROOT / "llkd" / "__init__.py").read_text(encoding="utf-8"))
    branches = [node for node in tree.body if isinstance(node, ast.If)]
    (checking,) = (node for node in branches if isinstance(node.test, ast.Name))
    for_checkers = {(node.module, alias.asname) for node in checking.body for alias in node.names}
    assert {name for _, name in for_checkers} | {"__version__"} == set(llkd.__all__)
    for module, name in for_checkers:
        assert getattr(importlib.import_module(module), name) is getattr(llkd, name)


def test_a_name_that_is_none_is_said_as_python_says_it():
    with pytest.raises(AttributeError, match="module 'llkd' has no attribute 'refine'"):
        llkd.refine  # noqa: B018


def test_type_checkers_see_the_types(tmp_path):
    example = tmp_path / "example.py"
    example.write_text(
        "import llkd\n"
        'texts = llkd.read_texts("reviews.csv", text="body", labels=["good", "bad"])\n'
        "labels = llkd.label(texts)\n"
        "kept = labels.keep(confidence=0.8, need=0.4)\n"
        "student = llkd.train(kept)\n"
        "reveal_type(texts)\n"
        "reveal_type(labels)\n"
        "reveal_type(kept)\n"
        "reveal_type(student)\n"
        "reveal_type(llkd.compare(labels))\n"
        'reveal_type(llkd.export(kept, "out"))\n'
        "reveal_type(student.evaluate())\n"
        'llkd.label(texts, limit="ten")\n'
        "llkd.refine(labels)\n"
        'llkd.label(texts, calibration="platt")\n'
        "llkd.label(texts, teacher=lambda batch: [[0.1, 0.9] for _ in batch])\n"
    )
    assert (ROOT / "llkd" / "py.typed").exists()
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml")]
    done = subprocess.run([*command, str(example)], cwd=ROOT, capture_output=True, text=True)
    said = [line.partition("example.py:")[2] for line in done.stdout.splitlines()]
    for number, kind in enumerate(
        ("Texts", "Labels", "Selection", "Student", "Comparison", "Export", "Evaluation"), start=6
    ):
        assert any(
            line.startswith(f"{number}: note: Revealed type") and kind in line for line in said
        )
    assert any(line.startswith("13: error") and "limit" in line for line in said)
    assert any(line.startswith("14: error") and "refine" in line for line in said)
    assert any(line.startswith("15: error") and "platt" in line for line in said)
    assert sum(": error" in line for line in said) == 3
