"""The map of meaning on Curate: near texts are alike; drawn and coloured as the plane is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from llkd import curation
from llkd.curation import PoolMap
from llkd.errors import StoreError
from llkd.store import Project, Store
from ui.curate.state import CurateState
from ui.decision_plane import UNCATEGORISED, Category, Group, Packed, on_map, with_categories
from ui.shell import reads

TOPIC = "Topic"
"""The colouring by the topics of the map, on the map and on the plane."""
MOST_TOPICS = UNCATEGORISED
"""So many can be told apart by colour; the smallest of more have none."""


@dataclass(frozen=True, eq=False)
class Standing:
    """A project's map as it is drawn; ``stamp`` stands for it."""

    stamp: str
    map: PoolMap

    def groups(self, rows: np.ndarray) -> list[Group]:
        """The names of the topics of these rows, the largest first, each at a row in its middle."""
        known = rows[rows < self.map.rows]
        topic, places = self.map.topic[known], _unit(self.map.coordinates[known])
        groups = []
        for number in np.argsort(-np.bincount(topic), kind="stable"):
            here = places[topic == number]
            if len(here):
                nearest = np.argmin(((here - np.median(here, axis=0)) ** 2).sum(axis=1))
                x, y = map(float, here[nearest])
                groups.append(Group(self.map.topics[number].name, x, y))
        return groups

    def of(self, rows: np.ndarray) -> tuple[np.ndarray, list[Category]]:
        """Places ``[n, 2]`` in [0, 1] and topics of these rows; NaN and none without a place."""
        known = rows < self.map.rows
        places = np.full((len(rows), 2), np.nan)
        places[known] = _unit(self.map.coordinates[rows[known]])
        topic = self.map.topic[rows[known]]
        codes = np.full(len(rows), UNCATEGORISED, np.uint8)
        codes[known] = np.where(topic < MOST_TOPICS, topic, UNCATEGORISED)
        names = tuple(topic.name for topic in self.map.topics[:MOST_TOPICS])
        return places, [Category(TOPIC, codes, names)] if names else []


def standing(store: Store, project: Project) -> Standing | None:
    """The project's map; None where none was made, or it is of other texts or damaged."""
    stamp = store.maps.stamp(project.id)
    if stamp is None:
        return None
    return _standing(reads.home_of(store), project.id, f"{stamp} {project.digest}", store, project)


def rows_on_map(here: CurateState, plane: Packed, stands: Standing) -> Packed:
    """The rows of ``plane`` where they stand on the map."""
    shown = here.passing if here.text_view.narrows else None
    key = f"{plane.version} {here.narrowing}"
    return _mapped_rows(key, stands.stamp, "map", plane, stands, here.plane.frame["row"], shown)


def with_topics(here: CurateState, plane: Packed, stands: Standing) -> Packed:
    """The rows of ``plane`` where they are, to be coloured by topic, too."""
    return _mapped_rows(
        plane.version, stands.stamp, "plane", plane, stands, here.plane.frame["row"]
    )


def names(here: CurateState, stands: Standing) -> list[Group]:
    """The topics' names and where they stand, of the texts that are drawn."""
    return _names(here.key, stands.stamp, stands, here.plane.frame["row"])


@st.cache_resource(show_spinner="Reading the map …", max_entries=4)
def _standing(
    home: str, project_id: int, stamp: str, _store: Store, _project: Project
) -> Standing | None:
    try:
        pool_map = curation.load_map(_store, _project)
    except StoreError:
        return None
    return None if pool_map is None else Standing(stamp, pool_map)


@st.cache_resource(show_spinner="Reading the map …", max_entries=4)
def _names(key: tuple[Any, ...], stamp: str, _stands: Standing, _rows: Any) -> list[Group]:
    return _stands.groups(np.asarray(_rows))


@st.cache_resource(show_spinner="Drawing the map …", max_entries=4)
def _mapped_rows(
    version: str,
    stamp: str,
    pane: str,
    _plane: Packed,
    _stands: Standing,
    _rows: Any,
    _shown: np.ndarray | None = None,
) -> Packed:
    places, topics = _stands.of(np.asarray(_rows))
    if _shown is not None:
        places = np.where(_shown[:, None], places, np.nan)
    return on_map(_plane, places, topics) if pane == "map" else with_categories(_plane, topics)


def _unit(place: Any) -> Any:
    """From the map's -1 to 1 to the 0 to 1 in which rows are drawn."""
    return (place + 1) / 2
