"""The maps that newcomers read: every place they name is there, and every package is named."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.layers import LEVEL

ROOT = Path(__file__).resolve().parents[1]
GUIDE = ROOT / "CONTRIBUTING.md"
RECORDS = ROOT / "docs" / "decisions"
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
MAPS = [GUIDE, ROOT / "docs" / "architecture.md", *sorted(RECORDS.glob("*.md"))]
TOPS = ("llkd", "ui", "pages", "tests", "docs", "benchmarks", "sample_data", "app.py")


def places(text):
    """What stands in backticks and is a path of the repository."""
    for word in re.findall(r"`([^`\n]+)`", text):
        path = word.partition("::")[0].rstrip("/")
        if path.partition("/")[0] in TOPS and re.fullmatch(r"[\w./-]+", path):
            yield path


def links(text):
    """Targets of links to files beside the document."""
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in target:
            yield target


def anchors(path):
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", MAPS, ids=lambda path: path.name)
def test_every_place_that_is_named_is_there(path):
    missing = [place for place in places(path.read_text(encoding="utf-8"))
               if not (ROOT / place).exists()]  # fmt: skip
    assert not missing


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path):
    for link in links(path.read_text(encoding="utf-8")):
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_guide_names_every_package_in_the_order_of_the_layers():
    named = [place.split("/")[1].removesuffix(".py") for place in places(table_of("package"))
             if place.startswith("llkd/")]  # fmt: skip
    assert sorted(named) == sorted(LEVEL)
    levels = [LEVEL[name] for name in named]
    assert levels == sorted(levels, reverse=True)


def test_the_guide_names_every_part_of_the_app():
    named = {place for place in places(table_of("of the app"))}
    parts = {
        f"ui/{part.name}" for part in (ROOT / "ui").iterdir() if (part / "__init__.py").exists()
    }
    assert named == {"app.py", "pages", *parts}


def table_of(heading):
    text = GUIDE.read_text(encoding="utf-8")
    return re.search(rf"^\| {heading} \|.*?(?=\n\n)", text, re.MULTILINE | re.DOTALL)[0]


def test_every_module_says_what_it_is_for():
    script = [sys.executable, str(ROOT / "docs" / "list_modules.py")]
    printed = subprocess.run(script, capture_output=True, text=True, check=True).stdout
    modules = {
        str(path.relative_to(ROOT))
        for top in ("llkd", "ui", "pages")
        for path in (ROOT / top).rglob("*.py")
        if path.read_text(encoding="utf-8").strip()
    }
    assert {line.split()[0] for line in printed.splitlines()} == modules


def test_every_record_is_listed():
    index = (RECORDS / "README.md").read_text(encoding="utf-8")
    files = {path.name for path in RECORDS.glob("*.md")} - {"README.md"}
    assert set(re.findall(r"\((\w+\.md)\)", index)) == files
    for name in files:
        text = (RECORDS / name).read_text(encoding="utf-8")
        assert "**Chosen.**" in text and "**Why.**" in text and "**What it costs.**" in text


def test_the_guide_has_its_recipes():
    text = GUIDE.read_text(encoding="utf-8")
    for recipe in ("A strategy", "A kind of teacher", "An export column", "A page"):
        assert f"### {recipe}\n" in text


def test_no_document_holds_two_sides_of_a_merge():
    for path in DOCUMENTS:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert not [line for line in lines if line.startswith(("<<<<<<<", ">>>>>>>"))], path
