"""docs/faults.md names the test of each fault, and the script that kills processes is real."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TABLES = {"faults.md": "| fault ", "decision_servers.md": "| what the server does "}


@pytest.mark.parametrize(("name", "heading"), TABLES.items())
def test_every_fault_names_a_test_that_exists(name, heading):
    content = (ROOT / "docs" / name).read_text(encoding="utf-8")
    rows = [line for line in content[content.index(heading) :].splitlines() if line[:2] == "| "]
    rows = rows[1:]  # the heading
    assert len(rows) >= 12
    for row in rows:
        named = re.findall(r"`((?:tests|benchmarks)/[^`]+)`", row)
        assert named, f"no test is named: {row}"
        for name in named:
            path, _, test = name.partition("::")
            content = (ROOT / path).read_text(encoding="utf-8")
            assert not test or f"def {test}(" in content, name


def test_killed_at_random_nothing_is_lost_or_doubled(tmp_path):
    done = subprocess.run(
        [sys.executable, "benchmarks/faults.py", "--kills", "7", "--seed", "3"],
        cwd=ROOT, capture_output=True, text=True, timeout=550,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    lines = done.stdout.splitlines()
    assert lines[0] == "7 kills, seed 3"
    assert lines[-1] == "killed 7 times: lost 0, doubled 0"
    kinds = [line.split()[1] for line in lines if re.match(r" +\d+  \w", line)]
    assert sorted(set(kinds)) == ["backup", "edit", "export", "import", "label", "move", "train"]
