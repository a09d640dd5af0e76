import datetime
import zipfile

import pytest
from openpyxl import Workbook

from llkd.datasets.readers import containers
from llkd.datasets.readers.records import read_records
from llkd.datasets.source import inspect
from llkd.datasets.texts import read_texts
from llkd.errors import DataError

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture
def save(tmp_path):
    def made(*sheets, name="a.xlsx"):
        book = Workbook()
        book.remove(book.active)
        for title, rows in sheets:
            sheet = book.create_sheet(title)
            for row in rows:
                sheet.append(row)
        path = tmp_path / name
        book.save(path)
        return path

    return made


def rewrite(path, member, change):
    """The workbook with one part changed."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[member] = change(parts[member])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def refused(path, **more):
    with pytest.raises(DataError) as error:
        read_texts(path, **more)
    return str(error.value)


TABLE = [["id", "text", "label"], [1, "one text", "a"], [2, "two texts", None]]


def test_values_as_a_person_reads_them(save):
    midnight = datetime.datetime(2023, 3, 15)
    noon = datetime.datetime(2023, 3, 15, 12, 30)
    rows = [["text"], [7.0], [12.5], [1234567890123456], [True], [midnight], [noon], ["words"]]
    assert read_records(save(("S", rows))).frame["text"].tolist() == [
        *("7", "12.5", "1234567890123456", "TRUE"),
        *("2023-03-15", "2023-03-15 12:30:00", "words"),
    ]


def test_ids_are_whole_numbers(save):
    found = read_texts(save(("S", TABLE)), text_column="text", label_column="label")
    assert found.texts["id"].tolist() == ["1", "2"]
    assert found.texts["gold"].tolist() == ["a", None]
    assert found.warnings == ("1 text of 2 has no label.",)


def test_formulas_are_not_run(save):
    path = save(("S", [["text", "n"], ["=1+1", 1], ["typed", 2]]))
    found = read_texts(path, text_column="text")
    assert found.texts["text"].tolist() == ["typed"]
    assert found.dropped == {"blank": 1}


def test_table_behind_a_cover_sheet_or_an_empty_one(save):
    cover = save(("Read me", [["About this file"], ["Collected in 2024"]]), ("Data", TABLE * 2))
    assert inspect(cover).columns == ("id", "text", "label")
    assert inspect(cover).warnings[0] == (
        "Of a.xlsx only the sheet 'Data' was read; 'Read me' was left out."
    )
    empty = save(("Nothing", []), ("Data", TABLE))
    assert inspect(empty).rows == 2


def test_first_sheet_with_one_column_of_texts_stays(save):
    path = save(("Texts", [["text"], ["one"], ["two"], ["three"]]), ("Other", [["a", "b"], [1, 2]]))
    assert read_texts(path).texts["text"].tolist() == ["one", "two", "three"]


def test_titles_gaps_and_columns_off_the_corner(save):
    rows = [["Survey 2024"], [], [None, "id", "text"], [None, 1, "one text"], [], [None, 2, "two"]]
    found = read_texts(save(("S", rows)), text_column="text")
    assert (found.rows, found.texts["text"].tolist()) == (2, ["one text", "two"])
    assert found.warnings == (
        "The header of a.xlsx was taken from row 3 of sheet 'S' (id, text); the rows above it "
        "were left out.",
    )


def test_stray_cell_far_below_is_no_record(save):
    path = save(("S", TABLE))
    rewrite(
        path,
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace(
            b"</sheetData>",
            b'<row r="1048576"><c r="A1048576" t="inlineStr"><is><t> </t></is></c></row></sheetData>',
        ),
    )
    assert read_texts(path, text_column="text").rows == 2
    rewrite(path, "xl/worksheets/sheet1.xml", lambda xml: xml.replace(b"1048576", b"99999999"))
    assert "claims more than 1,048,576 rows" in refused(path, text_column="text")


def test_no_values_or_no_rows(save):
    assert refused(save(("A", []), ("B", []))).startswith("a.xlsx has no sheet with values.")
    assert "sheet 'A', has a header and no rows" in refused(save(("A", TABLE[:1])))


def test_entities_are_refused(save):
    path = save(("S", TABLE))
    entity = b'<!DOCTYPE x [<!ENTITY leak SYSTEM "file:///etc/hostname">]>'
    rewrite(
        path,
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace(b"<worksheet", entity + b"<worksheet", 1),
    )
    assert "declares XML entities in 'xl/worksheets/sheet1.xml'" in refused(path)


def test_broken_parts_are_told(save):
    path = rewrite(save(("S", TABLE)), "xl/worksheets/sheet1.xml", lambda xml: xml[:-60])
    assert refused(path).startswith("a.xlsx is a damaged workbook (")
    path.write_bytes(path.read_bytes()[:-300])
    assert "is a damaged archive" in refused(path)


def test_workbook_whose_few_strings_stand_in_many_cells(tmp_path, monkeypatch):
    """The sheet points to one string again and again, as spreadsheet programs store them."""
    path = tmp_path / "a.xlsx"
    kind = '<?xml version="1.0"?><{} xmlns="http://schemas.openxmlformats.org/{}">{}</{}>'
    main, package = "spreadsheetml/2006/main", "package/2006/{}"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    types = "application/vnd.openxmlformats-officedocument.spreadsheetml.{}+xml"
    cells = "".join(
        f'<row r="{k}"><c r="A{k}" t="s"><v>{min(k - 1, 1)}</v></c></row>' for k in range(1, 401)
    )
    parts = {"xl/workbook.xml": "sheet.main", "xl/s.xml": "worksheet", "xl/t.xml": "sharedStrings"}
    override = "".join(
        f'<Override PartName="/{n}" ContentType="{types.format(t)}"/>' for n, t in parts.items()
    )
    relation = '<Relationship Id="r{}" Type="{}/{}" Target="{}"/>'
    links = package.format("relationships")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {
            "[Content_Types].xml": kind.format(
                "Types", package.format("content-types"), override, "Types"
            ),
            "_rels/.rels": kind.format(
                "Relationships",
                links,
                relation.format(1, office, "officeDocument", "xl/workbook.xml"),
                "Relationships",
            ),
            "xl/_rels/workbook.xml.rels": kind.format(
                "Relationships",
                links,
                relation.format(1, office, "worksheet", "s.xml")
                + relation.format(2, office, "sharedStrings", "t.xml"),
                "Relationships",
            ),
            "xl/workbook.xml": kind.format(
                "workbook",
                main,
                f'<sheets><sheet name="S" sheetId="1" r:id="r1" xmlns:r="{office}"/></sheets>',
                "workbook",
            ),
            "xl/s.xml": kind.format(
                "worksheet", main, f"<sheetData>{cells}</sheetData>", "worksheet"
            ),
            "xl/t.xml": kind.format(
                "sst", main, f"<si><t>text</t></si><si><t>{'b' * 30_000}</t></si>", "sst"
            ),
        }.items():
            archive.writestr(name, content)
    assert path.stat().st_size < 10_000
    assert inspect(path).rows == 399
    monkeypatch.setattr("llkd.datasets.readers.workbook.MAX_WHOLE_BYTES", 5 << 20)
    message = refused(path)
    assert message.startswith("a.xlsx, sheet 'S', unpacks to more than 5 MiB of cells. Split it")
    with pytest.raises(DataError, match="more than 5 MiB of cells"):
        inspect(path)  # a preview is no way around


def test_workbook_that_unpacks_to_too_much(save, monkeypatch):
    path = save(("S", [["text"], ["a" * 30_000], *[["b" * 30_000]] * 40]))
    monkeypatch.setattr(containers, "FREE_BYTES", 10_000)
    monkeypatch.setattr(containers, "MAX_RATIO", 20)
    assert "as a decompression bomb does" in refused(path)


def test_other_office_files(tmp_path):
    for part, words in (
        ("word/document.xml", "is a Word document. Save its texts as CSV or plain text."),
        ("content.xml", "is an OpenDocument file. Save the table as .xlsx or CSV."),
        ("xl/workbook.bin", "is a binary Excel workbook (.xlsb). Save it as .xlsx."),
    ):
        path = tmp_path / "a.bin"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("[Content_Types].xml", "<Types/>")
            archive.writestr(part, "x")
        assert refused(path).startswith(f"a.bin {words}")


def test_csv_and_workbook_under_each_others_ending(save):
    path = save(("S", TABLE), name="a.csv")
    assert read_texts(path, text_column="text").warnings == (
        "a.csv was read as an Excel workbook, in spite of the ending .csv.",
    )
