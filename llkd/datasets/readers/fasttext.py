"""Labels that stand before the texts, as fastText wants them: ``__label__sport The match ended``.

They are taken off the texts into a column of their own. A text has one label here: of a line with
several none is taken, and it is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from llkd.datasets.limits import SAMPLE_BYTES
from llkd.datasets.readers.byte_source import ByteSource
from llkd.datasets.readers.tables import Content, Progress, TableBuilder
from llkd.datasets.readers.temp_buffer import steps
from llkd.datasets.wording import Note, count, places, plain, quoted

LABEL_COLUMN = "label"
_SAMPLE = 2_000
_PREFIX = "__label__"
_TOKENS = re.compile(rf"\s*((?:{_PREFIX}\S+(?:\s+|$))+)")
_LINE = re.compile(rf"\s*(?:{_PREFIX}[^\s,;|\"']+\s+)+[^\s,;|]")


def looks_labelled(data: ByteSource) -> bool:
    """Whether most lines, the first too, are a label, or several, and a text after it.

    A table whose first column holds such labels, with a separator after each, is none; nor is one
    of a single column, with a name above it or with quotes.
    """
    head = data.head[:SAMPLE_BYTES]
    if _PREFIX.encode() not in head:
        return False
    lines = [line for line in head.decode("utf-8", "ignore").splitlines() if line.strip()]
    labelled = [_LINE.match(line) is not None for line in lines[:_SAMPLE]]
    quotes = any(line.lstrip().startswith(f'"{_PREFIX}') for line in lines[:_SAMPLE])
    return labelled[0] and not quotes and 2 * sum(labelled) > len(labelled)


def with_label_column(content: Content, name: str, progress: Progress = None) -> Content:
    """The only column as texts and labels, where most of its values begin with labels."""
    if content.table.num_columns != 1:
        return content
    column = content.table.column(0)
    sample = [cell for cell in column.slice(0, _SAMPLE).to_pylist() if cell and cell.strip()]
    if 2 * sum(map(_begins, sample)) <= len(sample):
        return content
    text_name = content.table.column_names[0]
    names = [text_name, LABEL_COLUMN if text_name != LABEL_COLUMN else "label (2)"]
    builder = TableBuilder(names, name, progress)
    several: list[int] = []
    example = ""
    for chunk in steps(column.chunks):
        for cell in chunk.to_pylist():
            text, labels = apart(cell)
            if len(labels) > 1:
                several.append(builder.rows)
                example = example or " ".join(labels)
            builder.add((text, labels[0] if len(labels) == 1 else None))
    numbers = [row + 1 if content.numbers is None else content.numbers[row] for row in several]
    warnings = _label_warnings(names[1], name, numbers, example)
    return replace(content, table=builder.table(), warnings=(*content.warnings, *warnings))


def apart(cell: str | None) -> tuple[str | None, list[str]]:
    """A text without the labels before it, and these, each once, without their prefix."""
    match = _TOKENS.match(cell) if cell else None
    if cell is None or match is None:
        return cell, []
    labels = [token.removeprefix(_PREFIX).rstrip(",") for token in match[1].split()]
    return cell[match.end() :], list(dict.fromkeys(label for label in labels if label))


def _begins(cell: str) -> bool:
    return _TOKENS.match(cell) is not None


def _label_warnings(column: str, name: str, several: list[int], example: str) -> Iterable[str]:
    yield Note(
        f"{plain(name)} holds labels as fastText writes them ({_PREFIX}…) before its texts: they "
        f"were taken off and are the column {quoted(column)}."
    )
    if several:
        single = len(several) == 1
        yield (
            f"{count(len(several), 'text')} of {plain(name)} {'has' if single else 'have'} several "
            f"labels ({places('record', several)}; for example {quoted(example)}). A text has one "
            f"label here, so {'it has' if single else 'they have'} none."
        )
