"""Which texts labels, embeddings, runs and audits know, where texts were added since.

Nothing that was made before an addition is stretched over the new texts: they count as unknown
there until it is made again, or goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llkd.curation.embeddings import embedded_texts, newest_embeddings
from llkd.store import Audit, Project, Run, Store


@dataclass(frozen=True)
class Coverage:
    """Of how many ``texts``, the first ones, each thing knows; ``added`` came after the import.

    ``labelled`` counts texts that the pass in use was asked about (None: no pass), ``embedded``
    those of the quick estimate, ``mapped`` those on the map (None: there is none). ``runs`` and
    ``audits`` are those that know fewer texts than there are, by number.
    """

    project: str
    texts: int
    added: int
    labelled: int | None
    embedded: int | None
    mapped: int | None
    runs: dict[int, int]
    audits: dict[int, int]

    def sentences(self) -> list[str]:
        """What does not know all texts, and what to do; nothing where nothing was added."""
        if not self.added:
            return []
        lines = []
        if self.labelled is not None and self.labelled < self.texts:
            lines.append(
                f"{self._of(self.labelled)} were asked about by the teacher in use. Start it "
                "again: it asks about the others only."
            )
        if self.embedded is not None and self.embedded < self.texts:
            lines.append(
                f"{self._of(self.embedded)} have a quick estimate and can be found by meaning. "
                "Labelling makes it for the others, too, and so does llkd probe."
            )
        if self.mapped is not None and self.mapped < self.texts:
            lines.append(
                f"{self._of(self.mapped)} stand on the map. llkd map places the others, and no "
                "text moves."
            )
        for number in sorted({*self.runs.values()}):
            known = [run for run, texts in self.runs.items() if texts == number]
            lines.append(f"{_listed('Run', known)} {_know(known)} {number:,} of them.")
        for number in sorted({*self.audits.values()}):
            known = [audit for audit, texts in self.audits.items() if texts == number]
            speaks = "speaks" if len(known) == 1 else "speak"
            lines.append(
                f"{_listed('Audit', known)} {speaks} of the {number:,} texts there were, and of "
                "none that was added since."
            )
        return lines

    def _of(self, number: int) -> str:
        return f"{number:,} of {self.texts:,} texts"


def coverage(store: Store, project: Project) -> Coverage:
    """What knows which texts of a project."""
    labeling_run = store.labeling_runs.in_use(project.id, project.labelling_id)
    embeddings = newest_embeddings(store, project)
    runs = {run.id: known_to_run(project, run).rows for run in store.runs.all(project.id)}
    audits = {
        audit.id: known_to_audit(project, audit).rows for audit in store.audits.all(project.id)
    }
    return Coverage(
        project.name,
        project.rows,
        project.rows - project.stages[0],
        None if labeling_run is None else len(store.labeling_runs.done(labeling_run)),
        None if embeddings is None else embedded_texts(project, embeddings),
        _mapped(store, project),
        {number: texts for number, texts in sorted(runs.items()) if texts < project.rows},
        {number: texts for number, texts in sorted(audits.items()) if texts < project.rows},
    )


def _mapped(store: Store, project: Project) -> int | None:
    known = store.maps.known(project.id)
    return None if known is None else known if known in project.stages else None


def known_to_run(project: Project, run: Run) -> Project:
    """The project as it was when a run was made; runs of older versions know the import alone."""
    return _stage(project, run.labels.get("project_texts"))


def known_to_audit(project: Project, audit: Audit) -> Project:
    """The project as it was when an audit began."""
    return _stage(project, audit.settings.project_texts)


def added_since(project: Project, known: Project) -> str:
    """What to say of what speaks of ``known`` alone; empty where nothing was added since."""
    added = project.rows - known.rows
    if not added:
        return ""
    texts = "1 text was" if added == 1 else f"{added:,} texts were"
    it = "it" if added == 1 else "them"
    return f"{texts} added since; this says nothing of {it}."


def _stage(project: Project, texts: int | None) -> Project:
    return project.stage(0) if texts is None else project.holding(int(texts))


def _listed(kind: str, numbers: Sequence[int]) -> str:
    shown = [str(number) for number in numbers[:5]]
    if len(numbers) > 5:
        shown.append(f"{len(numbers) - 5:,} more")
    if len(shown) == 1:
        return f"{kind} {shown[0]}"
    return f"{kind}s {', '.join(shown[:-1])} and {shown[-1]}"


def _know(numbers: Sequence[int]) -> str:
    return "knows" if len(numbers) == 1 else "know"
