"""The web process stays light: rendering every page imports neither torch nor transformers."""

import subprocess
import sys

from tests.support.pages import ROOT
from tests.support.seeded_projects import seeded_project

SCRIPT = """
import sys
sys.path.insert(0, {root!r})
from tests.support import pages
from streamlit.testing.v1 import AppTest

for project in ("city", "new"):
    for page in ("data", "teacher", "curate", "train", "results", "export"):
        app = pages.opened(page, project=project)
        app.run()
        assert not app.exception, (page, app.exception)
heavy = sorted({{"torch", "transformers", "llkd.students", "llkd.training", "llkd.workflows",
                 "llkd.teachers.local.teacher", "llkd.teachers.api.teacher"}} & set(sys.modules))
print("heavy:", heavy)
"""


def test_rendering_every_page_leaves_torch_out(home):
    seeded_project(home)
    seeded_project(home, name="new", labelled=False, probed=False)
    script = SCRIPT.format(root=str(ROOT))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip().endswith("heavy: []")


def test_pages_are_left_and_beats_are_set_in_one_place_each():
    """Elsewhere, what a browser asks for a page that was left would clear the next one."""
    for words, own in (("run_every", "ui/shell/fragments.py"), ("switch_page", "ui/shell/page.py")):
        files = [ROOT / "app.py", *(ROOT / "pages").rglob("*.py"), *(ROOT / "ui").rglob("*.py")]
        found = [str(f.relative_to(ROOT)) for f in files if f"{words}=" in f.read_text()
                 or f"{words}(" in f.read_text()]  # fmt: skip
        # The sidebar's notice, which the page draws, leaves it as go_to does: fragments forgotten.
        also = ["ui/people/notice.py"] if words == "switch_page" else []
        assert found == [own, *also], words
