"""How much of the texts a student's window cuts, and what a longer one costs; no torch.

Counted on a sample of the pool with the student's own tokenizer, where its tokenizer.json can be
found without a network; else guessed from characters.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from llkd.datasets.checks.statistics import token_estimates
from llkd.errors import ModelError
from llkd.models import sources
from llkd.store import Project, Store

SAMPLE = 1_000
"""Texts: a share is then known within three points."""
TOLD_FROM = 0.10
"""The share of texts cut from which people are told."""
WANTED = 0.05
"""A window that cuts no more than this is offered."""
LONGEST_CHARACTERS = 100_000
_KIN_OF_ROBERTA = {
    "camembert", "data2vec-text", "esm", "ibert", "longformer", "luke", "mpnet", "roberta",
    "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod",
}  # fmt: skip


@dataclass(frozen=True)
class Lengths:
    """Tokens of each sampled text ``[n]``, uncut, and what is known of the student.

    ``limit`` is the longest input it can take (None: not known), ``size`` that of its vectors;
    ``counted`` says whether its tokenizer counted or characters were.
    """

    tokens: npt.NDArray[np.int64]
    counted: bool
    limit: int | None = None
    size: int | None = None


@dataclass(frozen=True)
class Window:
    """``tokens`` read of a text, the ``share`` (0 to 1) of texts cut, ``time`` against today's."""

    tokens: int
    share: float
    time: float


def text_lengths(store: Store, project: Project, student: str) -> Lengths:
    """Lengths of up to 1,000 texts of the pool, spread evenly over it."""
    frame = store.projects.texts(project, ["text", "split"])
    pool = frame["text"][frame["split"] == "pool"]
    picked = np.unique(np.linspace(0, len(pool) - 1, min(SAMPLE, len(pool))).astype(np.int64))
    texts = [str(text)[:LONGEST_CHARACTERS] for text in pool.iloc[picked]]
    folder = _folder(student)
    settings = {} if folder is None else _json(folder / "config.json")
    limit = None if folder is None else _limit(settings, _json(folder / "tokenizer_config.json"))
    size = next((settings[k] for k in ("hidden_size", "dim", "d_model") if k in settings), None)
    size = size if isinstance(size, int) and size > 0 else None
    tokens = None if folder is None else _counted(folder / "tokenizer.json", texts)
    if tokens is not None:
        return Lengths(tokens, True, limit, size)
    return Lengths(np.ceil(token_estimates(texts)).astype(np.int64), False, limit, size)


def windows(lengths: Lengths, tokens: int) -> tuple[Window, Window | None]:
    """The window of ``tokens``, and a longer one worth offering, if there is one.

    Offered is the first doubling that cuts at most one text in twenty, or the longest possible.
    """
    now = Window(min(tokens, lengths.limit or tokens), 0.0, 1.0)
    now = Window(now.tokens, _cut(lengths, now.tokens), 1.0)
    if now.share < TOLD_FROM:
        return now, None
    most = min(lengths.limit or 8192, 8192)
    wider = now.tokens
    while wider < most and _cut(lengths, wider) > WANTED:
        wider = min(2 * wider, most)
    if wider == now.tokens or _cut(lengths, wider) > now.share - 0.01:
        return now, None
    time = _work(lengths, wider) / max(_work(lengths, now.tokens), 1.0)
    return now, Window(wider, _cut(lengths, wider), time)


def sentence(lengths: Lengths, now: Window) -> str:
    """How much is cut now."""
    about = "" if lengths.counted else "About "
    share = f"{100 * now.share:.0f} %"
    return (
        f"{about}{share} of the texts are longer than the {now.tokens:,} tokens that the student "
        "reads, and are cut there."
    )


def offer(wider: Window) -> str:
    """What a longer window brings and costs: ``3 % cut, about 2.9 × the time``."""
    return f"{100 * wider.share:.0f} % cut, about {wider.time:.1f} × the time"


def _cut(lengths: Lengths, tokens: int) -> float:
    return float((lengths.tokens > tokens).mean()) if len(lengths.tokens) else 0.0


def _work(lengths: Lengths, tokens: int) -> float:
    """Work in tokens: texts of like length share a batch, so little of it is padding.

    A layer of width d costs about 12 d² for a token and 2 d for each that it attends to (Kaplan et
    al. 2020, arXiv 2001.08361), the second a sixth of length / d of the first.
    """
    read = np.minimum(lengths.tokens, tokens).astype(np.float64)
    beside = read / (6 * lengths.size) if lengths.size else 0.0
    return float((read * (1 + beside)).sum())


def _folder(student: str) -> Path | None:
    """Where the student's files lie on this machine; None where they do not (yet)."""
    if student == "embedded":
        try:
            return sources.embedded_file(sources.EMBEDDED_STUDENT).parent
        except ModelError:
            return None
    folder = Path(student).expanduser()
    if folder.is_dir():
        return folder
    try:
        from huggingface_hub import try_to_load_from_cache

        cached = try_to_load_from_cache(student, "tokenizer.json")
    except Exception:  # not the name of a repository
        return None
    return Path(cached).parent if isinstance(cached, str) else None


def _counted(path: Path, texts: list[str]) -> npt.NDArray[np.int64] | None:
    """Tokens of each text, special ones included; None where the file cannot be used."""
    if not path.is_file():
        return None
    try:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        clean = [text.encode("utf-8", "replace").decode() for text in texts]
        return np.array([len(encoding.ids) for encoding in tokenizer.encode_batch(clean)], np.int64)
    except Exception:  # a foreign file; training says what is wrong with it
        return None


def _limit(settings: dict[str, Any], tokenizer: dict[str, Any]) -> int | None:
    """The longest input that settings and tokenizer name, the padding's offset counted."""
    limits = []
    stated = tokenizer.get("model_max_length")
    if isinstance(stated, int) and 0 < stated < 1_000_000:
        limits.append(stated)
    positions = settings.get("max_position_embeddings", settings.get("n_positions"))
    if isinstance(positions, int) and positions > 0:
        kin = settings.get("model_type") in _KIN_OF_ROBERTA
        padding = settings.get("pad_token_id")
        limits.append(
            positions - (padding if isinstance(padding, int) else 1) - 1 if kin else positions
        )
    return max(4, min(limits)) if limits else None


def _json(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return settings if isinstance(settings, dict) else {}
