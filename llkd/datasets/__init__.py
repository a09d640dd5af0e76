"""Files that people really have, turned into checked texts.

CSV and other separated values, JSON, JSON Lines, Parquet, XLSX and plain text, each also as .gz or
in a .zip; found by content, read with the encoding found. Nothing is run, followed or written.
"""

from llkd.datasets.files import File, inside, refuse_special
from llkd.datasets.gold import hold_out, with_gold
from llkd.datasets.records import Records, read_records
from llkd.datasets.rows import Rows, read_rows
from llkd.datasets.scratch import release
from llkd.datasets.source import Source, inspect, inspect_files
from llkd.datasets.statistics import Statistics
from llkd.datasets.tables import Progress
from llkd.datasets.text_set import FileCount, Reading, TextSet
from llkd.datasets.texts import read_files, read_texts, texts_from_lines

__all__ = [
    "File",
    "FileCount",
    "Progress",
    "Reading",
    "Records",
    "Rows",
    "Source",
    "Statistics",
    "TextSet",
    "hold_out",
    "inside",
    "inspect",
    "inspect_files",
    "read_files",
    "read_records",
    "read_rows",
    "read_texts",
    "refuse_special",
    "release",
    "texts_from_lines",
    "with_gold",
]
