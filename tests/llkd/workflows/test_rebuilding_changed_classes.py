"""Exports made between changes of the classes, whatever they are: all are made again, any time."""

import random

import pytest

from llkd import workflows
from llkd.config import Label
from llkd.errors import UserError
from tests.support.exported_projects import exported
from tests.support.seeded_projects import seeded_project

NAMES = ["roads", "waste", "water", "noise", "parks"]


def changed(store, project_id, draw, number):
    """One change of the classes, of any kind, anywhere in their order."""
    names = store.projects.by_id(project_id).label_set.names
    kind = draw.choice(["merge", "merge", "split", "rename", "undo", "add"])
    if kind == "merge" and len(names) > 2:
        some = draw.sample(names, draw.randint(2, len(names) - 1))
        store.classes.merge(project_id, some, draw.choice([some[0], f"m{number}"]))
    elif kind == "split":
        parts = [Label(name=f"s{number}"), Label(name=f"t{number}")]
        store.classes.split(project_id, draw.choice(names), parts)
    elif kind == "add":
        label_set = store.projects.by_id(project_id).label_set
        keyed = [one.model_copy(update={"key": one.identity}) for one in label_set.labels]
        store.classes.edit(project_id, [*keyed, Label(name=f"a{number}")])
    elif kind == "undo":
        try:
            store.classes.undo(project_id)
        except UserError:  # nothing to undo
            pass
    else:
        one, other = draw.sample(names, 2)
        store.classes.rename(project_id, {one: other, other: one})


@pytest.mark.parametrize("seed", range(8))
def test_each_export_is_made_again_at_the_end(home, tmp_path, seed):
    draw = random.Random(seed)
    store, project = seeded_project(home, 40, names=NAMES, seed=seed)
    pool = store.projects.texts(project.id, ["split"])["split"]
    for row in pool.index[pool == "pool"][:8]:
        store.decisions.decide(project.id, [int(row)], "label", draw.choice(NAMES), who="ann")
    folders = []
    for k in range(6):
        folders.append(tmp_path / f"export {k}")
        exported(store, store.projects.by_id(project.id), folders[-1], teacher_threshold=0.4)
        changed(store, project.id, draw, k)
    for folder in folders:
        files = workflows.rebuild(store, folder / "manifest.json")["files"]
        assert len(files) == 2 and all(files.values())
    store.close()
