"""Files that people really have, turned into checked texts.

CSV and other separated values, JSON, JSON Lines, Parquet, XLSX and plain text, each also as .gz or
in a .zip; found by content, read with the encoding found. Nothing is run, followed or written.
"""

from llkd.datasets.gold import hold_out, with_gold
from llkd.datasets.records import Records, read_records
from llkd.datasets.rows import Rows, read_rows
from llkd.datasets.source import Source, inspect
from llkd.datasets.tables import Progress
from llkd.datasets.texts import TextSet, read_texts, texts_from_lines

__all__ = [
    "Progress",
    "Records",
    "Rows",
    "Source",
    "TextSet",
    "hold_out",
    "inspect",
    "read_records",
    "read_rows",
    "read_texts",
    "texts_from_lines",
    "with_gold",
]
