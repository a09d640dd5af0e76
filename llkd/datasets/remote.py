"""What is run in a process of its own by :mod:`llkd.datasets.untrusted`: arguments and a document.

Each function reads as its namesake does and hands its result over by the channel's file.
"""

from __future__ import annotations

from typing import Any

import openpyxl  # noqa: F401  # imported before a fork, and not after each
import pyarrow as pa

from llkd.datasets import handover
from llkd.datasets.checks import text_language
from llkd.datasets.files import File
from llkd.datasets.readers.records import read_records as _read_records
from llkd.datasets.rows import read_rows as _read_rows
from llkd.datasets.source import inspect as _inspect
from llkd.datasets.source import inspect_files as _inspect_files
from llkd.datasets.text_set import Reading
from llkd.datasets.texts import read_files as _read_files
from llkd.isolation.fork_server import Channel

text_language.load_model()  # as openpyxl: once, before any fork

_MOST_THREADS = 4
Document = dict[str, Any]


def _few_threads() -> None:
    """Each of Arrow's threads has a stack, which counts as memory."""
    pa.set_cpu_count(min(pa.cpu_count(), _MOST_THREADS))


def _progress(channel: Channel) -> Any:
    return lambda rows: channel.tell("rows", rows)


def _on_file(channel: Channel) -> Any:
    return lambda name, files: channel.tell("file", [name, files])


def read_files(arguments: Document, channel: Channel) -> Document:
    """See :func:`llkd.datasets.texts.read_files`."""
    _few_threads()
    texts = _read_files(
        [File(**file) for file in arguments["files"]],
        Reading(**arguments["reading"]),
        progress=_progress(channel),
        on_file=_on_file(channel),
    )
    return handover.pack_text_set(texts, handover.writer(channel.file))


def inspect_files(arguments: Document, channel: Channel) -> list[Document]:
    """See :func:`llkd.datasets.source.inspect_files`."""
    _few_threads()
    files = [File(**file) for file in arguments["files"]]
    return [handover.pack_source(s) for s in _inspect_files(files, on_file=_on_file(channel))]


def inspect(arguments: Document, channel: Channel) -> Document:
    """See :func:`llkd.datasets.source.inspect`."""
    _few_threads()
    return handover.pack_source(_inspect(**arguments))


def read_rows(arguments: Document, channel: Channel) -> Document:
    """See :func:`llkd.datasets.rows.read_rows`."""
    _few_threads()
    rows = _read_rows(**arguments, progress=_progress(channel))
    return handover.pack_rows(rows, handover.writer(channel.file))


def read_records(arguments: Document, channel: Channel) -> Document:
    """See :func:`llkd.datasets.readers.records.read_records`."""
    _few_threads()
    records = _read_records(**arguments, progress=_progress(channel))
    return handover.pack_records(records, handover.writer(channel.file))
