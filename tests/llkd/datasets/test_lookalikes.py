"""Plain text that looks like a table, YAML or columns of a fixed width is told; prose is not."""

from pathlib import Path

import pytest

from llkd.datasets import inspect

ROWS = [("Ann", "good", "The bin was empty"), ("Bartholomew", "bad", "A hole in the road")] * 3
SEPARATED = "\r\n".join("\t".join(f'"{cell}"' for cell in row) for row in ROWS)
YAML = "".join(f"- wording: {row[2]}\n  mood: {row[1]}\n" for row in ROWS)
FIXED = "\n".join(f"{a:<14}{b:<8}{c}" for a, b, c in ROWS)


@pytest.mark.parametrize(
    ("name", "text", "what", "cure"),
    [
        ("rows.txt", SEPARATED, "a table separated by tabs", ".tsv"),
        ("rows.txt", YAML, "YAML", "JSON or CSV"),
        ("rows.yaml", YAML, "YAML", "JSON or CSV"),
        ("rows.yml", "texts:\n  - The first\n  - The second\n", "YAML", "JSON or CSV"),
        ("rows", FIXED, "columns of a fixed width", "CSV"),
        ("rows.txt", FIXED, "columns of a fixed width", "CSV"),
    ],
)
def test_what_it_looks_like_and_what_to_do(tmp_path, name, text, what, cure):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8-sig")
    source = inspect(path)
    assert source.format == "text"
    (told,) = source.warnings
    assert what in told
    assert cure in told


@pytest.mark.parametrize(
    "text",
    [
        "Ann: how are you?\nBob: well, and you?\nAnn: well\nBob: so it is\n",
        "- buy bread\n- call Ann\n- mend the bin\n- walk\n",
        "A sentence.  Then another one.\nShort.  More here.\nIt was late.  He went.\nNo.\n",
        "    An indented line\n    and another\n    a third one\n    a fourth\n",
        "Good, but dear\nSlow, yet nice\nFine, thanks\nBad, really\n",
        'He said, "no", and left\nShe said, "yes", and came\nThey said, "so", and sat\n',
    ],
)
def test_prose_raises_no_alarm(tmp_path, text):
    path = tmp_path / "prose.txt"
    path.write_text(text)
    assert inspect(path).warnings == ()


def test_nor_do_the_documents_of_this_project(tmp_path):
    for document in Path(__file__).parents[3].glob("docs/*.md"):
        path = tmp_path / f"{document.stem}.txt"
        path.write_bytes(document.read_bytes())
        assert not [told for told in inspect(path).warnings if "looks like" in told], document
