"""Label similarity: the class whose name and description lie nearest to the text is its label.

No prompt and no answers to read: an encoder embeds every class once and every text once. Examples,
where they are wanted, move a class from its name towards the texts that people gave it.
It is wrong where names do not say what texts of a class say, and right more often than a small
language model where they do (docs/results.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from llkd.config import Label, LabelSet, TeacherConfig
from llkd.teachers.base import (
    CONTENT_FREE,
    NO_EXAMPLES,
    FewShot,
    Floats,
    Meter,
    ScoredBatch,
    Teacher,
)
from llkd.teachers.kind import Argument, TeacherKind

SCALE = 0.05
"""A cosine by so much higher makes a class e times as likely, before calibration."""
SOURCE = "similarity"
DESCRIBED, NAMED = "{name}: {description}", "This text is about {name}."
CLASS_TOKENS = 256
NAME_WEIGHT = 4.0
"""A class's name counts as so many examples of it (benchmarks/first_labels.py)."""
_BATCH = 256


class Encoder(Protocol):
    """What embeds: a student, or something that stands for it in a test."""

    max_tokens: int

    def embed(self, texts: Sequence[str]) -> Floats:
        """Embeddings ``[n, d]`` of unit length."""
        ...

    def set_max_tokens(self, wanted: int) -> None:
        """Cut texts to so many tokens, or to what the encoder can take."""
        ...


class SimilarityTeacher:
    """Scores ``cosine(text, class) / SCALE`` for every class.

    ``encoder_spec`` names the student whose embeddings these are (``embedded``, a folder, a hub
    id); what is embedded already need not be again, see :meth:`expect`. Texts are cut where the
    encoder cuts them, classes at CLASS_TOKENS.
    """

    cut = 0

    def __init__(
        self,
        encoder: Encoder,
        labels: LabelSet,
        *,
        encoder_spec: str = "embedded",
        identity: Mapping[str, Any] | None = None,
        examples: FewShot = NO_EXAMPLES,
    ) -> None:
        """``identity`` tells the encoder from others: its name and the digest of its weights.

        Of ``examples`` only those count that are the same for every text.
        """
        self.encoder_spec = encoder_spec
        self._encoder = encoder
        self._identity = dict(identity or {"encoder": encoder_spec})
        self._text_tokens = encoder.max_tokens
        encoder.set_max_tokens(CLASS_TOKENS)
        self._classes = encoder.embed([class_text(label) for label in labels.labels])
        encoder.set_max_tokens(self._text_tokens)
        self._examples = examples if examples.fixed else NO_EXAMPLES
        texts = [example.text for example in examples.fixed]
        self._shown = encoder.embed(texts) if texts else np.zeros((0, self._classes.shape[1]))
        self._with_all = self._prototypes(range(len(texts)))
        self._vectors: dict[str, Floats] = {}

    def describe(self) -> dict[str, Any]:
        """The encoder, how far it reads, how a class is put in words, and by which examples."""
        more: dict[str, Any] = {}
        if self._examples.fixed:
            more = {"examples": self._examples.identity, "name_weight": NAME_WEIGHT}
        return {
            "kind": "similarity",
            **self._identity,
            "max_tokens": self._text_tokens,
            "class_tokens": CLASS_TOKENS,
            "scale": SCALE,
            "described": DESCRIBED,
            "named": NAMED,
            **more,
        }

    def expect(self, texts: Sequence[str], vectors: Floats) -> None:
        """Embeddings ``[n, d]`` of the texts that are asked about next, by this very encoder."""
        self._vectors = dict(zip(texts, vectors, strict=True))

    def score(self, texts: Sequence[str]) -> Iterator[ScoredBatch]:
        """Yield scores in the order of the texts; a blank text gets none."""
        for start in range(0, len(texts), _BATCH):
            part = texts[start : start + _BATCH]
            scores = self._scores(part)
            blank = np.array([not text.strip() for text in part])
            scores[blank] = np.nan
            nothing = np.full(len(part), -1, dtype=np.int64)
            index = np.arange(start, start + len(part), dtype=np.int64)
            for source, here in ((SOURCE, ~blank), ("none", blank)):
                if here.any():
                    yield ScoredBatch(index[here], scores[here], nothing[here], source)

    def content_free(self) -> Floats | None:
        """Scores of texts without content, ``[m, C]``."""
        return self._scores(CONTENT_FREE)

    def prompt(self, text: str) -> str:
        """There is no prompt."""
        del text
        also = ", and with its examples" if self._examples.fixed else ""
        words = "No prompt: an encoder compares the text with every class's name and description"
        return f"{words}{also}."

    def close(self) -> None:
        """Let go of what was embedded."""
        self._vectors = {}

    def _scores(self, texts: Sequence[str]) -> Floats:
        vectors = np.empty((len(texts), self._classes.shape[1]), dtype=np.float32)
        further = []
        for place, text in enumerate(texts):
            vector = self._vectors.get(text)
            if vector is None:
                further.append(place)
            else:
                vectors[place] = vector
        if further:
            vectors[further] = self._encoder.embed([texts[place] for place in further])
        scores = np.asarray(vectors @ self._with_all.T / SCALE, dtype=np.float32)
        for place, text in enumerate(texts):
            if self._examples.holds(text):  # no class is made of the text that it is held against
                rest = {example.row for example in self._examples.apart_from(text).fixed}
                places = [k for k, e in enumerate(self._examples.fixed) if e.row in rest]
                scores[place] = vectors[place] @ self._prototypes(places).T / SCALE
        return scores

    def _prototypes(self, places: Iterable[int]) -> Floats:
        """The classes ``[C, d]``, by their names and the examples at these places."""
        if not self._examples.fixed:
            return self._classes
        mixed = NAME_WEIGHT * self._classes
        for place in places:
            mixed[self._examples.fixed[place].label] += self._shown[place]
        length = np.linalg.norm(mixed, axis=1, keepdims=True)
        return np.asarray(mixed / np.maximum(length, 1e-12), dtype=np.float32)


def class_text(label: Label) -> str:
    """What is embedded for a class: its words and description, or a sentence about its words."""
    if label.description:
        return DESCRIBED.format(name=label.words, description=label.description)
    return NAMED.format(name=label.words)


def _make(
    config: TeacherConfig, labels: LabelSet, home: Path, examples: FewShot, meter: Meter | None
) -> Teacher:
    from llkd.models.sources import EMBEDDED_STUDENT, student_digest
    from llkd.students import load_student

    del meter  # it costs nothing
    spec = config.teacher.partition(":")[2].strip() or "embedded"
    encoder = load_student(spec, ["a", "b"], seed=0)
    name = EMBEDDED_STUDENT.name if spec == "embedded" else Path(spec).name
    identity = {"encoder": name, "sha256": student_digest(spec, home)}
    if identity["sha256"] is None:
        identity = {"encoder": spec}
    return SimilarityTeacher(
        encoder, labels, encoder_spec=spec, identity=identity, examples=examples
    )


SIMILARITY = TeacherKind(
    name="similarity",
    make=_make,
    label="Label similarity",
    summary="Compares every text with the names and descriptions of the classes, by the embedded "
    "encoder on this machine: free, private, hundreds of texts a second. Good descriptions make "
    "it better.",
    argument=Argument(
        shape="<folder or hub id>",
        label="Another encoder (folder or hub id)",
        placeholder="the embedded one",
        missing="Name the folder or hub id of the encoder.",
        optional=True,
        display="label similarity by {name}",
    ),
    display="label similarity",
    noun="encoder",
    cached=False,
    uses_device=True,
    has_prompt=False,
    takes_prototypes=True,
    calibration="none",
    confidences=(SOURCE,),
    described=lambda config: (
        "It was asked nothing: the label is the class whose name and description lie nearest to "
        "the text in an encoder's embedding."
    ),
)
