"""The manifest as a typed document: what an export says of itself, and a rebuild reads.

Keys are those of the JSON and never change their meaning; what a later version says besides is
kept and handed on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from llkd.config import Calibration, LabelSet, TrainingConfig, build, stored_training_config
from llkd.config.selection_rule import StandaloneRule, read_standalone_rule


class ManifestPart(BaseModel):
    """A part of a manifest: immutable; keys that are not known here stay."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)


class ProjectFacts(ManifestPart):
    """The project: its name, the file that it was imported from, its texts and their sum."""

    name: str
    source: str
    rows: int
    texts_sha256: str


class TeacherFacts(ManifestPart):
    """The labeling run, and how labels were derived from its scores."""

    describe: dict[str, Any]
    fingerprint: str
    prompt: Any
    settings: dict[str, Any]
    tokens_in: int
    tokens_out: int
    calibration: Calibration
    temperature: float
    temperature_fit: dict[str, Any] | None


class Counts(ManifestPart):
    """Of all rows of the pool: how many are kept, and how right they are (None without gold)."""

    kept_rows: int = Field(alias="kept")
    rows: int
    share: float
    per_class: dict[str, int]
    accuracy: float | None
    checked: int


class PeopleFacts(ManifestPart):
    """How many texts people labelled and excluded."""

    labelled: int
    excluded: int


class RunFacts(ManifestPart):
    """The run behind the rule: its settings, how its labels were derived, what came out."""

    id: int
    config: dict[str, Any]
    labels: dict[str, Any]
    summary: dict[str, Any] | None

    @property
    def training(self) -> TrainingConfig:
        """Its settings, also of an older version."""
        return stored_training_config(self.config)


class ColumnFacts(ManifestPart):
    """A column of the rows and what is in it."""

    name: str
    meaning: str


class OptionFacts(ManifestPart):
    """How the rows were written."""

    formats: tuple[str, ...]
    columns: tuple[str, ...]
    validation: float
    seed: int
    split_rule: str | None = None


class ScoreFacts(ManifestPart):
    """Which texts had a usable answer (a packed mask of all rows), and the sum of the answers."""

    texts: int
    rows: str
    sha256: str


class RefinementFacts(ManifestPart):
    """How labels were refined by their neighbours.

    ``search`` is the key of the kept search for the nearest texts, ``embeddings_sha256`` of the
    embeddings it was made by, ``student_sha256`` of the encoder's weights, ``labels_sha256`` of the
    refined probabilities of the pool; ``changed`` counts labels that are others by it.
    """

    neighbours: int
    weight: float
    damping: float
    softening: float
    search: str
    embeddings_sha256: str
    student_sha256: str | None
    changed: int
    labels_sha256: str


class NeedFacts(ManifestPart):
    """Where information need comes from; ``epoch`` None for a probe."""

    source: str
    sha256: str | None
    epoch: int | None


class EditFacts(ManifestPart):
    """People's labels and exclusions; ``listed`` None where there are too many to list."""

    count: int
    sha256: str
    listed: list[dict[str, Any]] | None = None


class Inputs(ManifestPart):
    """The sums of everything that decides the rows. ``as_of`` is in seconds since 1970."""

    as_of: float
    gold_sha256: str
    scores: ScoreFacts
    bias: tuple[float, ...]
    temperature: float
    information_need: NeedFacts
    edits: EditFacts
    decisions_sha256: str | None
    refinement: RefinementFacts | None = None


class Contents(ManifestPart):
    """What an export hands to the writer, which adds the sums of the files."""

    project: ProjectFacts
    classes: list[dict[str, Any]]
    teacher: TeacherFacts
    selection: dict[str, Any]
    counts: Counts
    people: PeopleFacts
    run: RunFacts | None
    splits: dict[str, dict[str, int]]
    columns: list[ColumnFacts]
    options: OptionFacts
    inputs: Inputs
    certificate: dict[str, Any] | None = None
    split_classes: list[dict[str, Any]] = []

    @property
    def rule(self) -> StandaloneRule:
        """Which texts were kept. Raises ConfigError."""
        return read_standalone_rule(self.selection)

    @property
    def label_set(self) -> LabelSet:
        """The classes under the names of that time. Raises ConfigError."""
        return build(LabelSet, labels=list(self.classes), retired=list(self.split_classes))

    def document(self) -> dict[str, Any]:
        """As JSON values, in the order of the fields."""
        return self.model_dump(mode="json", by_alias=True)


class Manifest(Contents):
    """A whole manifest, as an export wrote it."""

    program: str
    version: str
    manifest: int
    environment: dict[str, str]
    rows: int
    rows_sha256: str
    files: dict[str, str]
    _source: dict[str, Any] = PrivateAttr(default_factory=dict)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Manifest:
        """Check a document. Raises pydantic's ValidationError (a ValueError), naming the place."""
        manifest = cls.model_validate(dict(document))
        manifest._source.update(document)
        return manifest

    @property
    def row_files(self) -> list[str]:
        """The files with rows; those of a student are not made again."""
        return [name for name in self.files if not name.startswith("student")]

    @property
    def with_student(self) -> bool:
        """Whether a student came along."""
        return len(self.row_files) < len(self.files)

    def with_files(self, sums: Mapping[str, str]) -> dict[str, Any]:
        """The very document that was read, with other files."""
        return {**self._source, "files": dict(sums)}
