"""What is known of how far people agree, as it is printed."""

from __future__ import annotations

from llkd.config.base import Document
from llkd.evaluation.certificate import Alpha, Kappa


class ClassAgreement(Document):
    """Agreement on one class: of the labels of it by either, the share that the other gave, too.

    (Dice's coefficient; Fleiss 1975 calls it specific agreement.) ``labels`` counts both people's.
    """

    name: str
    labels: int
    agreement: float


class Confusion(Document):
    """So many texts of which the first person said one thing and the second another."""

    first: str
    second: str
    texts: int


class PairAgreement(Document):
    """Two people about the texts that both labelled."""

    first: str
    second: str
    kappa: Kappa
    per_class: tuple[ClassAgreement, ...]
    confusion: tuple[Confusion, ...]


class SampleAgreement(Document):
    """How far people agree on a sample.

    ``progress`` says how many of the texts each second person labelled, of how many they can.
    ``sentence`` says what was measured, ``meaning`` what follows for whatever people judge.
    """

    sample: int
    texts: int
    population: int
    seed: int
    progress: dict[str, tuple[int, int]]
    pairs: tuple[PairAgreement, ...]
    alpha: Alpha | None
    sentence: str
    meaning: str
