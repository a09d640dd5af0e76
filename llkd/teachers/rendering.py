"""A prompt's words and their number, for a live preview: no model is loaded for it.

The turns are those of ``teachers.prompts``, without what a model's own template writes around
them; a text longer than the teacher reads is shown whole.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from llkd import models
from llkd.config import LabelSet, TeacherConfig
from llkd.teachers.base import NO_EXAMPLES, Example, FewShot
from llkd.teachers.prompts import label_prompt, wording

__all__ = [
    "NO_EXAMPLES",
    "Example",
    "FewShot",
    "count_tokens",
    "render",
    "tokenizer_file",
]

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
    if config.teacher.startswith("file:"):
        return []
    if config.teacher.startswith("api:"):
        return _messages(config, labels, text, examples)
    said = wording(config, labels, examples)
    prompt = label_prompt(config, labels, None, examples)
    own = examples.choose(text) if examples.choose else ()
    turns = [
        (role, "".join(prompt.words(part, text, own) for part in parts))
        for role, parts in (("system", said.system), ("user", said.user))
    ]
    return [*turns, ("assistant", config.lead)] if config.lead else turns


def _messages(
    config: TeacherConfig, labels: LabelSet, text: str, examples: FewShot
) -> list[tuple[str, str]]:
    from llkd.teachers.answering import Answering
    from llkd.teachers.options import Questions

    questions = Questions(config, labels, examples)
    first = Answering(questions, labels, config).questions[0]
    return [(sent["role"], sent["content"]) for sent in questions.sent(first, text).messages]


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
    kind, _, name = config.teacher.partition(":")
    if kind == "embedded":
        folder = models.converted_folder(models.EMBEDDED_TEACHER, home)
    elif kind == "local":
        folder = Path(name.strip()).expanduser()
    else:
        return None
    path = folder / "tokenizer.json"
    return path if path.is_file() else None


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
