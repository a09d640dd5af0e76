"""The map of some texts in Python: where each stands, its topic, and classes made of topics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from llkd.library.progress import shown_progress
from llkd.library.wording import python_words
from llkd.store.class_history import SOMEBODY

if TYPE_CHECKING:
    import pandas as pd

    from llkd.curation.maps.pool_map import PoolMap
    from llkd.library.texts import Texts
    from llkd.library.workspace import Workspace
    from llkd.store import Project


class TextMap:
    """Where ``n`` texts stand in two dimensions, and their topics. Made by :meth:`Texts.map`."""

    def __init__(self, texts: Texts, pool_map: PoolMap) -> None:
        """Use :meth:`Texts.map`."""
        self._texts = texts
        self._map = pool_map

    @property
    def coordinates(self) -> np.ndarray:
        """``[n, 2]`` float32 within -1 to 1; row ``i`` is text ``i``."""
        return self._map.coordinates

    @property
    def topic(self) -> np.ndarray:
        """The number of each text's topic, ``[n]``; the largest topic is 0."""
        return self._map.topic

    @property
    def topics(self) -> pd.DataFrame:
        """One line a topic: ``topic``, ``name``, ``words``, ``texts``, ``share``, ``examples``.

        ``examples`` are rows of texts in its middle.
        """
        import pandas as pd

        rows = [{**each.document(), "examples": list(each.examples)} for each in self._map.topics]
        columns = ["topic", "name", "words", "texts", "share", "examples"]
        return pd.DataFrame(rows, columns=columns)

    def to_frame(self) -> pd.DataFrame:
        """One line a text: ``id``, ``text``, ``x``, ``y``, ``topic`` (its name)."""
        frame = self._texts.to_frame()[["id", "text"]].iloc[: len(self.topic)]
        names = np.array([each.name for each in self._map.topics], dtype=object)
        return frame.assign(
            x=self.coordinates[:, 0], y=self.coordinates[:, 1], topic=names[self.topic]
        )

    def use_topics(self, names: Mapping[int, str] | None = None, *, who: str = SOMEBODY) -> Texts:
        """Make classes of topics, besides those there are; the texts with these classes.

        ``names`` maps numbers of topics to names of classes: topics of one name are one class, a
        topic that is not named is dropped. Without ``names`` every topic is a class under its own
        name. Classes that are there, and what people labelled, stay.

        Raises ConfigError for a topic that is none, UserError where no class would be new.
        """
        from llkd import curation

        topics = self._map.topics
        wanted = {each.number: each.name for each in topics} if names is None else names
        with python_words():
            store, project = self._texts.workspace.store, self._texts.record
            classes = curation.suggested_classes(project, topics, wanted)
            store.classes.edit(project.id, classes, who=who)
        return self._texts

    def __repr__(self) -> str:
        """Counts, for a notebook."""
        return f"<TextMap: {len(self.topic):,} texts, {len(self._map.topics)} topics>"


class MappedTexts:
    """Texts in a ``workspace`` that can be mapped; ``record`` is their project."""

    workspace: Workspace

    @property
    def record(self) -> Project:
        """The stored project."""
        raise NotImplementedError

    def map(
        self,
        *,
        topics: int | None = None,
        student: str | None = None,
        seed: int = 0,
        again: bool = False,
        progress: bool = True,
    ) -> TextMap:
        """Map all texts by their embeddings: texts that mean the like stand together.

        A map that is there is gone on with: texts that came since are placed, and none moves.

        Args:
            topics: how many topics its groups are joined to, by default twelve.
            student: whose embeddings: ``embedded``, a folder or a hub id; None is the one in use.
            seed: of a new map; the same texts, student and seed give the same map.
            again: make a new map although there is one.
            progress: show a bar.
        """
        return _mapped(
            self, topics=topics, student=student, seed=seed, again=again, progress=progress
        )


def _mapped(texts: Any, *, topics: int | None, progress: bool, **settings: Any) -> TextMap:
    from llkd import curation
    from llkd.config import build
    from llkd.embedding.mapping import make_map
    from llkd.jobs.requests import MapRequest

    with python_words(), shown_progress(progress) as shown:
        store, project = texts.workspace.store, texts.record
        request = build(MapRequest, project=project.name, **settings)
        make_map(
            store, project, shown,
            student=request.student, seed=request.seed, again=request.again,
        )  # fmt: skip
        return TextMap(texts, curation.needed_map(store, project, topics))
