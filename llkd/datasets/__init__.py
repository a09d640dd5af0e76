"""Files that people really have, turned into checked texts.

CSV and other separated values, JSON, JSON Lines, Parquet, XLSX and plain text, each also as .gz or
in a .zip; found by content, read with the encoding found. Nothing is run, followed or written.

What reads a file here does so in a process of its own (:mod:`llkd.datasets.untrusted`); the modules
``texts``, ``source``, ``rows`` and ``records`` do the same in this one.
"""

from llkd.datasets.checks.gold import hold_out, with_gold
from llkd.datasets.checks.statistics import Statistics
from llkd.datasets.files import File, inside, refuse_special
from llkd.datasets.readers.records import Records
from llkd.datasets.readers.tables import Progress
from llkd.datasets.readers.temp_buffer import release
from llkd.datasets.rows import Rows
from llkd.datasets.source import Source
from llkd.datasets.text_set import FileCount, Reading, TextSet
from llkd.datasets.texts import texts_from_lines
from llkd.datasets.untrusted import (
    inspect,
    inspect_files,
    read_files,
    read_records,
    read_rows,
    read_texts,
    start_reader,
)

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
    "start_reader",
    "texts_from_lines",
    "with_gold",
]
