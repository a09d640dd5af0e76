"""Every script in benchmarks/ can be started: what it takes from the project is there."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMPORT_ALL = """
import importlib, pathlib, sys
sys.path.append("benchmarks")  # as for a script that is started
failed = []
for path in sorted(pathlib.Path("benchmarks").rglob("*.py")):
    if path.name == "plotly_plane.py":
        continue  # a page that plane.py opens with its settings
    name = ".".join(path.with_suffix("").parts)
    try:
        importlib.import_module(name)
    except Exception as error:
        failed.append(f"{name}: {error!r}")
print(chr(10).join(failed))
"""


def test_each_can_be_imported():
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL], cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip() == ""
