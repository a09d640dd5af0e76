"""Several people about some texts: their labels, blind samples, agreement, disputes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from llkd.config import ClassKey
from llkd.errors import ConfigError
from llkd.library.wording import python_words

if TYPE_CHECKING:
    import pandas as pd

    from llkd.library.texts import Texts
    from llkd.store import LabelSample, Project, Store


class People:
    """What people say of some texts, which :attr:`Texts.people` gives.

    Texts are named by their place, as everywhere; classes by their names.
    """

    def __init__(self, texts: Texts) -> None:
        """Use ``texts.people``."""
        self._texts = texts

    def label(self, labels: Mapping[int, str], *, who: str) -> list[str]:
        """Store a person's labels, a class for each place, undone by :meth:`undo`.

        Returns a sentence for each text of which somebody else says otherwise: both labels are
        kept, and the text is disputed. Raises ConfigError for what is no class.
        """
        from llkd.evaluation import people
        from llkd.evaluation.people.disputes import dispute_words

        keys = {int(row): self._key(name) for row, name in labels.items()}
        told_words = []
        with python_words():
            name = people.checked_person(who)
            for row, key in keys.items():
                batch = self._store.decisions.decide(
                    self._texts.project_id, [row], "label", who=name, key=key
                )
                for dispute in self._store.disputes.contradicted(self._texts.project_id, batch):
                    counts = bool(self._store.disputes.all(self._texts.project_id, [row]))
                    words = dispute_words(dispute, "label", labels[row], counts=counts)
                    told_words.append(f"Text {row}: {words}")
        return told_words

    def undo(self, *, who: str) -> int | None:
        """Take back the last label of a person; returns its text's place, None without one."""
        batches = self._store.decisions.batches(self._texts.project_id, who)
        if not batches:
            return None
        self._store.decisions.undo(self._texts.project_id, batches[0].id)
        return batches[0].rows[0]

    def draw(self, count: int, *, of: str | None = None, seed: int | None = None) -> BlindSample:
        """Draw ``count`` labelled texts at random (``of`` one person) for others to label blindly.

        Raises UserError where fewer texts are labelled.
        """
        from llkd.evaluation import people

        with python_words():
            sample = people.draw_sample(self._store, self._project, count, of=of, seed=seed)
        return BlindSample(self._texts, sample.id)

    def disputes(self) -> dict[int, dict[str, str]]:
        """The texts that people dispute: of each place what everybody says."""
        from llkd.evaluation import people
        from llkd.evaluation.people.disputes import opinion_words

        return {
            dispute.row: {
                opinion.who: opinion_words(opinion, name)
                for opinion, name in zip(dispute.opinions, dispute.names, strict=True)
            }
            for dispute in people.open_disputes(self._store, self._project)
        }

    def adjudicate(self, labels: Mapping[int, str | None], *, who: str) -> None:
        """Settle disputed texts: a class for each place, None leaves the text out.

        Raises UserError for a text that nobody disputes (any more).
        """
        from llkd.evaluation import people

        keys = {int(row): None if name is None else self._key(name) for row, name in labels.items()}
        with python_words():
            for row, key in keys.items():
                people.adjudicate(self._store, self._project, row, key, who)

    def labels(self) -> pd.DataFrame:
        """Every label that stands, a line each: id, person, label, time, kind, adjudicated."""
        from llkd.evaluation import people

        return people.labels_by_person(self._store, self._project).reset_index(drop=True)

    def _key(self, name: str) -> ClassKey:
        label = self._texts.label_set.find(name)
        if label is None:
            raise ConfigError(
                f"{name!r} is no class. The classes are {', '.join(self._texts.label_set.names)}."
            )
        return label.identity

    @property
    def _store(self) -> Store:
        return self._texts.workspace.store

    @property
    def _project(self) -> Project:
        return self._texts.record


class BlindSample:
    """Labelled texts drawn at random, which others label without seeing a label.

    Made by :meth:`People.draw`.
    """

    def __init__(self, texts: Texts, number: int) -> None:
        """Use :meth:`People.draw`."""
        self._texts = texts
        self.number = number

    def next(self, count: int = 1, *, who: str) -> list[tuple[int, str]]:
        """The next ``count`` texts for a person, as pairs of place and text."""
        from llkd.evaluation import people

        with python_words():
            rows = people.next_rows(self._store, self._record, people.checked_person(who), count)
        words = self._texts.to_frame()["text"]
        return [(row, str(words.iloc[row])) for row in rows]

    def answer(self, answers: Mapping[int, str | None], *, who: str) -> BlindSample:
        """Store second labels: a class by its name for each place, or None for none of them.

        All of them are stored or none. Raises UserError for a text that is not of the sample, was
        labelled by this person before, or has this person's label as its first.
        """
        from llkd.evaluation import people

        keys = [
            (int(row), None if name is None else self._texts.people._key(name), who)
            for row, name in answers.items()
        ]
        with python_words():
            people.second_labels(self._store, self._record, keys)
        return self

    @property
    def agreement(self) -> dict[str, Any]:
        """How far people agree: ``sentence``, ``meaning``, ``pairs`` with kappa, and ``alpha``."""
        from llkd.evaluation import people

        return people.sample_agreement(self._store, self._texts.record, self._record).model_dump()

    @property
    def sentence(self) -> str:
        """How far people agree, in a sentence."""
        return str(self.agreement["sentence"])

    def __repr__(self) -> str:
        """Its sentence, for a notebook."""
        return f"<BlindSample {self.number}: {self.sentence}>"

    @property
    def _store(self) -> Store:
        return self._texts.workspace.store

    @property
    def _record(self) -> LabelSample:
        return self._store.label_samples.get(self._texts.project_id, self.number)
