"""How much of a text a student reads: chosen from the texts, with what it cuts and costs; no torch.

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

from llkd.config import LONGEST_USUAL_WINDOW, USUAL_WINDOW, TrainingConfig, build
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
GROWTH = 1.6
"""The power of a text's tokens with which training time grows, as measured on a processor: between
1, where all weights are met once a token, and 2, attention (docs/benchmarks.md)."""
LONGEST_CHARACTERS = 100_000
_KIN_OF_ROBERTA = {
    "camembert", "data2vec-text", "esm", "ibert", "longformer", "luke", "mpnet", "roberta",
    "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod",
}  # fmt: skip


@dataclass(frozen=True)
class Lengths:
    """Tokens of each sampled text ``[n]``, uncut, and what is known of the student.

    ``limit`` is the longest input it can take (None: not known); ``counted`` says whether its
    tokenizer counted or characters were.
    """

    tokens: npt.NDArray[np.int64]
    counted: bool
    limit: int | None = None


@dataclass(frozen=True)
class Window:
    """``tokens`` read of a text, and the ``share`` (0 to 1) of texts that are longer.

    ``time`` is that of training against the present window's, ``memory`` that of the largest batch.
    """

    tokens: int
    share: float
    time: float
    memory: float = 1.0


def text_lengths(store: Store, project: Project, student: str) -> Lengths:
    """Lengths of up to 1,000 texts of the pool, spread evenly over it."""
    texts = sample_texts(store, project)
    folder = _folder(student)
    settings = {} if folder is None else _json(folder / "config.json")
    limit = None if folder is None else _limit(settings, _json(folder / "tokenizer_config.json"))
    tokens = None if folder is None else token_counts(folder / "tokenizer.json", texts)
    if tokens is not None:
        return Lengths(tokens, True, limit)
    return Lengths(np.ceil(token_estimates(texts)).astype(np.int64), False, limit)


def sample_texts(store: Store, project: Project) -> list[str]:
    """Up to 1,000 texts of the pool, spread evenly over it; of very long ones the beginning."""
    frame = store.projects.texts(project, ["text", "split"])
    pool = np.flatnonzero((frame["split"] == "pool").to_numpy(dtype=bool))
    picked = np.unique(np.linspace(0, len(pool) - 1, min(SAMPLE, len(pool))).astype(np.int64))
    return [str(text)[:LONGEST_CHARACTERS] for text in frame["text"].iloc[pool[picked]]]


def proposed(lengths: Lengths) -> int:
    """The window that the texts ask for: the first doubling that cuts one text in twenty at most.

    From the usual one to LONGEST_USUAL_WINDOW, or what the student can take: that where all cut
    more.
    """
    most = min(lengths.limit or LONGEST_USUAL_WINDOW, LONGEST_USUAL_WINDOW)
    return next((size for size in _doublings(most) if _cut(lengths, size) <= WANTED), most)


def choices(lengths: Lengths, tokens: int) -> list[Window]:
    """Windows to choose from, with what each cuts and costs against one of ``tokens``.

    All doublings up to what the student can take, or to where they cut nothing more; that of
    ``tokens`` among them.
    """
    now = min(tokens, lengths.limit or tokens)
    sizes = []
    for size in _doublings(lengths.limit or 8192):
        sizes.append(size)
        if _cut(lengths, size) == 0:
            break
    return [_window(lengths, size, now) for size in sorted({*sizes, now})]


def with_window(store: Store, project: Project, config: TrainingConfig) -> TrainingConfig:
    """The settings with a window: the one that they name, else the one that the texts ask for.

    A control sees what the run saw whose counts it copies.
    """
    if config.max_tokens is not None:
        return config
    if config.reference_run is not None:
        tokens = store.runs.get(config.reference_run, project.id).config.window
    else:
        tokens = proposed(text_lengths(store, project, config.student))
    return build(TrainingConfig, config.model_dump(), max_tokens=tokens)


def window_facts(store: Store, project: Project, config: TrainingConfig) -> dict[str, Any]:
    """What a run keeps of its window: tokens, the share of texts cut, and who counted them."""
    lengths = text_lengths(store, project, config.student)
    window = _window(lengths, config.window, config.window)
    return {"tokens": config.window, "cut": round(window.share, 4), "counted": lengths.counted}


def windows(lengths: Lengths, tokens: int) -> tuple[Window, Window | None]:
    """The window of ``tokens``, and a longer one worth offering, if there is one.

    Offered is the first doubling that cuts at most one text in twenty, or the longest possible.
    """
    most = min(tokens, lengths.limit or tokens)
    now = _window(lengths, most, most)
    if now.share < TOLD_FROM:
        return now, None
    most = min(lengths.limit or 8192, 8192)
    wider = now.tokens
    while wider < most and _cut(lengths, wider) > WANTED:
        wider = min(2 * wider, most)
    if wider == now.tokens or _cut(lengths, wider) > now.share - 0.01:
        return now, None
    return now, _window(lengths, wider, now.tokens)


def sentence(lengths: Lengths, now: Window) -> str:
    """How much is cut now."""
    about = "" if lengths.counted else "About "
    return (
        f"{about}{_percent(now.share)} of the texts are longer than the {now.tokens:,} tokens that "
        "the student reads, and are cut there."
    )


def choice_sentence(lengths: Lengths, tokens: int) -> str | None:
    """What was chosen from the texts, against the usual window; None where it is the usual one."""
    now = _window(lengths, tokens, USUAL_WINDOW)
    if now.tokens == USUAL_WINDOW:
        return None
    about = "" if lengths.counted else "about "
    few = f"The student reads up to {now.tokens:,} tokens of a text, by the lengths of these texts"
    if now.tokens < USUAL_WINDOW:
        return f"{few} and what it can take."
    usual = _cut(lengths, USUAL_WINDOW)
    return (
        f"{few}: {about}{_percent(now.share)} of them are cut there. {USUAL_WINDOW} tokens "
        f"would cut {_percent(usual)}, in about {1 / now.time:.2g} of the time."
    )


def offer(wider: Window) -> str:
    """What a longer window brings and costs: ``3 % cut, about 2.9 × the time``."""
    return f"{_percent(wider.share)} cut, about {wider.time:.1f} × the time"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _doublings(most: int) -> list[int]:
    """64, 128 … and ``most`` itself, none above it."""
    sizes = [USUAL_WINDOW]
    while sizes[-1] < most:
        sizes.append(2 * sizes[-1])
    return [*(size for size in sizes if size < most), most]


def _window(lengths: Lengths, tokens: int, now: int) -> Window:
    """A window against one of ``now`` tokens."""
    time = _work(lengths, tokens) / max(_work(lengths, now), 1.0)
    longest = int(lengths.tokens.max()) if len(lengths.tokens) else 1
    memory = min(tokens, longest) / max(min(now, longest), 1)
    return Window(tokens, _cut(lengths, tokens), time, memory)


def _cut(lengths: Lengths, tokens: int) -> float:
    return float((lengths.tokens > tokens).mean()) if len(lengths.tokens) else 0.0


def _work(lengths: Lengths, tokens: int) -> float:
    """The work of reading all texts in a window, in no unit of its own."""
    return float((np.minimum(lengths.tokens, tokens).astype(np.float64) ** GROWTH).sum())


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


def token_counts(path: Path, texts: list[str]) -> npt.NDArray[np.int64] | None:
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
