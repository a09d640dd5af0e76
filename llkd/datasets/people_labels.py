"""People's labels from an annotation tool's file, stored in a project as decisions of these people.

Every label is signed with its giver. Of one person the last counts; what they said before and says
the same is not recorded twice, so the same file, or a longer one, can be taken in again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from llkd.config import LabelSet
from llkd.datasets.annotations import PeopleLabels
from llkd.datasets.checks.class_names import class_finder
from llkd.datasets.checks.known_texts import equal_rows
from llkd.datasets.text_set import TextSet
from llkd.datasets.wording import count, listed, quoted
from llkd.errors import DataError, UserError
from llkd.store import Project, Store


def take_labels(
    store: Store, project: Project, text_set: TextSet, *, dry_run: bool = False
) -> dict[str, Any]:
    """Take the labels of a tool's file over to the texts of a project that are the same.

    Returns ``tool``, ``question``, ``people``, ``labels`` (in the file, of one class), ``added``,
    ``known`` (these people had said so before), ``unmatched`` (of texts that the project does not
    hold), ``warnings``. Raises DataError for a file without such labels, UserError for a project
    without classes.
    """
    people = text_set.people
    if people is None:
        notes = " ".join(str(line) for line in text_set.warnings)
        raise DataError(
            f"There are no labels of people in this file: neither a JSON, JSON_MIN or CSV export "
            f"of Label Studio nor records of Argilla with one class for a text. {notes}".strip()
        )
    same = equal_rows(
        [str(text) for text in text_set.texts["text"]],
        store.projects.texts(project, ["text"])["text"],
    )
    rows = [int(same[place]) for place in people.position]
    document = store_labels(store, project, people, rows, dry_run=dry_run)
    return {**document, "warnings": [*text_set.warnings, *document["warnings"]]}


def store_labels(
    store: Store,
    project: Project,
    people: PeopleLabels,
    rows: Sequence[int],
    *,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Record labels of people; ``rows``: the row of each label's text, -1 for none.

    See :func:`take_labels`.
    """
    label_set = project.label_set
    if label_set is None:
        raise UserError(
            f"{project.name!r} has no classes yet, so nobody's labels can be kept. Name them on "
            "the Data page, or with: llkd classes PROJECT --add NAME"
        )
    find = class_finder(label_set.names, label_set.spellings)
    places = {label: find(label) for label in set(people.label)}
    strange = Counter(label for label in people.label if places[label] is None)
    latest: dict[tuple[int, str], int] = {}
    for row, who, label in zip(rows, people.who, people.label, strict=True):
        place = places[label]
        if row >= 0 and place is not None:
            latest.pop((row, who), None)  # the order is that of each person's last word
            latest[row, who] = place
    known = _standing(store, project, label_set)
    new = {key: place for key, place in latest.items() if known.get(key) != place}
    if not dry_run:
        _record(store, project, label_set, new)
    return {
        "project": project.name,
        "tool": people.tool,
        "question": people.question,
        "people": people.people,
        "labels": len(people.label),
        "added": len(new),
        "known": len(latest) - len(new),
        "unmatched": sum(row < 0 for row in rows),
        "dry_run": dry_run,
        "warnings": _strange_words(strange),
    }


def _standing(store: Store, project: Project, label_set: LabelSet) -> dict[tuple[int, str], int]:
    """The class that each person gave each row last and did not take back."""
    standing: dict[tuple[int, str], int] = {}
    for edit in store.decisions.edits(project.id):
        key = int(edit["row"]), str(edit["who"])
        if edit["action"] == "label" and edit["label"] in label_set.places:
            standing.pop(key, None)
            standing[key] = label_set.places[edit["label"]]
        elif edit["action"] == "unlabel":
            standing.pop(key, None)
    return standing


def _record(
    store: Store, project: Project, label_set: LabelSet, new: dict[tuple[int, str], int]
) -> None:
    """Everybody's labels in batches, of each text in the order in which they were given."""
    turn: Counter[int] = Counter()
    batches: dict[tuple[int, str, int], list[int]] = defaultdict(list)
    for (row, who), place in new.items():
        batches[turn[row], who, place].append(row)
        turn[row] += 1
    for _, who, place in sorted(batches):
        rows = batches[_, who, place]
        store.decisions.decide(project.id, rows, "label", who=who, key=label_set.keys[place])


def _strange_words(strange: Counter[str]) -> list[str]:
    if not strange:
        return []
    number = sum(strange.values())
    shown = [f"{quoted(label, 30)} ({times:,})" for label, times in strange.most_common(8)]
    return [
        f"{count(number, 'label')} {'is' if number == 1 else 'are'} none of the classes and "
        f"{'was' if number == 1 else 'were'} left out: {listed(shown)}. To use them, add the "
        "classes first: llkd classes PROJECT --add NAME"
    ]
