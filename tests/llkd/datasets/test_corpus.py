"""A corpus of bad and awkward files, where one is at hand: what each must lead to.

The folder is named by LLKD_BAD_INPUTS, or lies beside the project as ``shared/bad_inputs``. Its
MANIFEST.csv has a row for each file. Without the folder there is nothing to collect here.
"""

import csv
import io
import os
import time
from pathlib import Path

import pytest

from llkd.datasets import inspect, read_texts
from llkd.errors import LLKDError

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

BESIDE = Path(__file__).resolve().parents[4] / "shared" / "bad_inputs"
CORPUS = Path(os.environ.get("LLKD_BAD_INPUTS") or BESIDE)
MANIFEST = CORPUS / "MANIFEST.csv"


def rows():
    with MANIFEST.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def is_sentence(message):
    return message[-1] in ".!" and "\n" not in message and "Traceback" not in message


if MANIFEST.is_file():

    @pytest.mark.parametrize("row", rows(), ids=lambda row: row["file"][:80])
    def test_file(row, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        allowed = {row["expect"], *filter(None, row["also_ok"].split(";"))}
        begun = time.monotonic()
        try:
            found = read_texts(
                CORPUS / row["file"],
                text_column=row["text_column"] or None,
                label_column=row["label_column"] or None,
                keep_duplicates=True,
            )
        except LLKDError as error:
            assert "reject" in allowed, error
            assert is_sentence(str(error))
            assert Path(row["file"]).name in str(error)
        else:
            outcome = "accept_with_warning" if found.warnings else "accept"
            assert outcome in allowed, (outcome, found.warnings)
            assert all(is_sentence(warning) for warning in found.warnings), found.warnings
            if row["expected_rows"]:
                assert found.rows == int(row["expected_rows"])
            if row["expected_texts"]:
                # Rows with too many fields are records, too: those left out make up the rest.
                left_out = found.rows - found.kept_count - found.dropped.get("blank", 0)
                assert int(row["expected_texts"]) in {found.kept_count, found.kept_count + left_out}
            assert found.texts["id"].is_unique
            "".join(found.texts["text"]).encode("utf-8")
        assert time.monotonic() - begun < 20
        assert not list(tmp_path.iterdir()), "something was written"

    @pytest.mark.parametrize("row", rows(), ids=lambda row: row["file"][:80])
    def test_preview(row):
        try:
            source = inspect(CORPUS / row["file"])
        except LLKDError as error:
            assert is_sentence(str(error))
            assert row["expect"] == "reject" or "reject" in row["also_ok"]
        else:
            assert len(source.head) == min(source.rows, 20) or source.warnings
            assert tuple(source.head.columns) == source.columns
            assert source.head.map(lambda cell: isinstance(cell, str)).all().all()

    @pytest.mark.parametrize(
        ("file", "encoding", "found"),
        [
            ("generated/enc_gb18030.csv", "gb18030", "gb18030"),
            ("generated/enc_shift_jis.csv", "shift_jis", "shift_jis"),
            ("generated/enc_latin1.csv", "latin-1", "cp1252"),
            ("generated/enc_cp1252_smart_quotes.csv", "cp1252", "cp1252"),
            ("generated/windows_1250.csv", "cp1250", "cp1250"),
            ("generated/enc_utf16le_bom.csv", "utf-16", "utf-16"),
        ],
    )
    def test_letters_of_an_encoding(file, encoding, found):
        text = (CORPUS / file).read_bytes().decode(encoding)
        expected = [row["text"] for row in csv.DictReader(io.StringIO(text, newline=""))]
        texts = read_texts(CORPUS / file, text_column="text", keep_duplicates=True)
        assert texts.texts["text"].tolist() == expected
        assert inspect(CORPUS / file).encoding == found
