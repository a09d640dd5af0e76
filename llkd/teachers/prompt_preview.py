"""A prompt's words and their number, for a live preview: no model is loaded for it.

The turns are those of ``teachers.prompts``, without what a model's own template writes around
them; a text longer than the teacher reads is shown whole.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from llkd.config import LabelSet, TeacherConfig
from llkd.teachers.base import NO_EXAMPLES, FewShot
from llkd.teachers.registry import argument_of, kind_of

BYTES_PER_TOKEN = 4
# Larger files are no tokenizer that a page should read.
LARGEST_FILE = 64 * 2**20


def render(
    config: TeacherConfig, labels: LabelSet, text: str, examples: FewShot = NO_EXAMPLES
) -> list[tuple[str, str]]:
    """The turns of the prompt for one text: (``system``, ``user`` or ``assistant``, words).

    A local model's last turn is the lead that it goes on from; an empty one is left out. For an
    API they are its messages, of two stages the first. A file of labels has no prompt.
    """
    kind = kind_of(config)
    return kind.turns(config, labels, text, examples) if kind.has_prompt else []


def count_tokens(words: str, tokenizer_file: Path | None) -> tuple[int, bool]:
    """How many tokens the words have, and whether that is exact.

    Exact with the ``tokenizer.json`` of the model; else a quarter of their bytes, rounded up.
    Special tokens written in the words are counted as the words they are.
    """
    clean = words.encode("utf-8", "replace")
    tokenizer = None if tokenizer_file is None else _tokenizer(tokenizer_file)
    if tokenizer is None:
        return -(-len(clean) // BYTES_PER_TOKEN), False
    return len(tokenizer.encode(clean.decode("utf-8"), add_special_tokens=False).ids), True


def tokenizer_file(config: TeacherConfig, home: Path) -> Path | None:
    """The ``tokenizer.json`` of a teacher on this machine, where there is one already."""
    return kind_of(config).tokenizer_file(argument_of(config), home)


def _tokenizer(path: Path) -> Any:
    """The tokenizer of a file, kept while the file stays the same; None where it is none."""
    try:
        state = path.stat()
    except OSError:
        return None
    if state.st_size > LARGEST_FILE:
        return None
    return _read(path, state.st_mtime_ns, state.st_size)


@functools.lru_cache(maxsize=4)
def _read(path: Path, changed: int, size: int) -> Any:
    del changed, size  # part of the key
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception:  # the library raises nothing narrower; any folder may be named
        return None
    tokenizer.encode_special_tokens = True
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
