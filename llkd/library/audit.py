"""A blind audit of what is kept, and the certificate that comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from llkd.errors import ConfigError
from llkd.library.wording import python_words

if TYPE_CHECKING:
    from llkd.evaluation.audits import AuditStatus
    from llkd.library.labels import Labels
    from llkd.library.selection import Selection
    from llkd.store import Audit as AuditRecord
    from llkd.store import CertificateRecord

SOMEBODY = "local user"


class Audit:
    """Texts drawn at random from what is kept, and what people say of them.

    Made by :meth:`Selection.audit` and :meth:`Labels.audit`. An answer is stored when it is given,
    as the person's label of the text, too.
    """

    def __init__(self, labels: Labels, number: int) -> None:
        """Use :meth:`Selection.audit`."""
        self.labels = labels
        self.number = number

    @property
    def size(self) -> int:
        """How many texts it draws from."""
        return self._record.size

    @property
    def answered(self) -> int:
        """How many answers count: a beginning of the order of drawing without a gap."""
        return self._status.answered

    @property
    def wrong(self) -> int:
        """In how many of these the teacher's label is not the answer."""
        return self._status.wrong

    @property
    def sentence(self) -> str:
        """What can be said of the labels now."""
        return self._status.sentence

    @property
    def estimate(self) -> dict[str, Any] | None:
        """The share right of all that it draws from: ``value``, ``low``, ``high``, ``checked``.

        An estimate with its 95 % interval, no promise; None where nothing can be said.
        """
        estimate = self._status.precision
        return None if estimate is None else estimate.model_dump()

    def next(self, count: int = 1, *, who: str = SOMEBODY) -> list[tuple[int, str]]:
        """The next ``count`` texts for a person, as pairs of place and text, in the drawn order."""
        from llkd.evaluation import audits

        texts = self.labels.texts
        with python_words():
            rows = audits.next_rows(texts.workspace.store, self._record, who, count)
        words = texts.to_frame()["text"]
        return [(row, str(words.iloc[row])) for row in rows]

    def answer(self, answers: Mapping[int, str | None], *, who: str = SOMEBODY) -> Audit:
        """Store what a person says: a class by its name for each place, or None for none of them.

        None counts as a wrong label. All of them are stored or none. Raises UserError for a text
        that was not drawn or was answered before, ConfigError for what is no class.
        """
        from llkd.evaluation import audits

        texts = self.labels.texts
        label_set = texts.label_set
        unknown = [
            name for name in answers.values() if name is not None and not label_set.find(name)
        ]
        if unknown:
            raise ConfigError(
                f"{unknown[0]!r} is no class. The classes are {', '.join(label_set.names)}."
            )
        keys = {
            int(row): None if label is None else label.identity
            for row, name in answers.items()
            for label in (None if name is None else label_set.find(name),)
        }
        with python_words():
            audits.answer_all(texts.workspace.store, self._record, keys.items(), who)
        return self

    def undo(self, *, who: str = SOMEBODY) -> int | None:
        """Take back the last answer of a person; returns its text's place, None without one."""
        from llkd.evaluation import audits

        with python_words():
            answer = audits.undo_answer(self.labels.texts.workspace.store, self._record, who)
        return None if answer is None else answer.row

    def certify(self, target: float | None = None) -> Certificate:
        """Keep what can be promised now; ``target`` may be less than the audit's own.

        Raises UserError, saying what can be promised, where that much cannot.
        """
        from llkd.evaluation import audits

        with python_words():
            record = audits.certify_audit(
                self.labels.texts.workspace.store, self._record, target=target
            )
        return Certificate(self.labels, record)

    def __repr__(self) -> str:
        """Its sentence, for a notebook."""
        return f"<Audit {self.number}: {self.sentence}>"

    @property
    def _record(self) -> AuditRecord:
        texts = self.labels.texts
        return texts.workspace.store.audits.get(texts.project_id, self.number)

    @property
    def _status(self) -> AuditStatus:
        from llkd.evaluation import audits

        return audits.audit_status(self.labels.texts.workspace.store, self._record)


class Certificate:
    """A promise about the labels of a set of texts. Made by :meth:`Audit.certify`."""

    def __init__(self, labels: Labels, record: CertificateRecord) -> None:
        """Use :meth:`Audit.certify`."""
        self.labels = labels
        self._record = record

    @property
    def target(self) -> float:
        """The share of labels that is right at least."""
        return self._record.document.target

    @property
    def size(self) -> int:
        """How many texts it speaks of."""
        return self._record.document.size

    @property
    def facts(self) -> dict[str, Any]:
        """All that it rests on, as manifests print it; ``holds`` and ``broken`` as of now."""
        from llkd.config.selection_rule import CertifiedRule
        from llkd.evaluation import audits

        texts, document = self.labels.texts, self._record.document
        rule = CertifiedRule(audit=document.audit, set=document.set)
        return audits.certificate_facts(texts.workspace.store, texts.record, rule)

    @property
    def holds(self) -> bool:
        """Whether it still stands: edits outside the audit, for one, break it."""
        return bool(self.facts["holds"])

    @property
    def sentence(self) -> str:
        """What may be said, or why nothing may."""
        return str(self.facts["sentence"])

    @property
    def selection(self) -> Selection:
        """Its texts, to train on and to export; it is saved under a name."""
        from llkd.config.selection_rule import SavedRule
        from llkd.evaluation import audits
        from llkd.library.selection import selection_of

        texts = self.labels.texts
        name = audits.saved_selection(texts.workspace.store, texts.record, self._record)
        return selection_of(self.labels, SavedRule(name=name))

    def __repr__(self) -> str:
        """Its sentence, for a notebook."""
        return f"<Certificate: {self.sentence}>"
