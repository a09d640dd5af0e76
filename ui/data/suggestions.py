"""Classes suggested by what the texts are about: topics to use, rename, merge or drop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from llkd import curation, jobs
from llkd.curation import PoolMap, Topic
from llkd.curation.maps.pool_map import USUAL_TOPICS
from llkd.errors import StoreError
from llkd.jobs.requests import MapRequest
from llkd.store import Project, Store
from ui.data import class_drafts
from ui.data.regrouping import SAVED
from ui.shell import job_cards, reads
from ui.shell.authorship import author
from ui.shell.errors import show_errors
from ui.shell.unbroken import press_once
from ui.shell.wording import counted, plain, shortened

KIND = "map"
FEWEST, MOST = 2, 40
_SHOWN_WORDS = 6
_EXAMPLE = 140


def suggestions(store: Store, project: Project) -> None:
    """Topics of the texts as a table of classes; a button that looks for them where none are."""
    first = project.label_set is None
    with st.expander(
        "Suggest classes from the texts",
        icon=":material/category:",
        expanded=first,
        key=f"suggest_box_{project.id}",
    ):
        job = job_cards.latest_job(store, project.id, (KIND,))
        if job is not None and job.live:
            job_cards.watch(store, job, key="suggest_map")
            return
        if class_drafts.unfinished(project):
            st.caption("Save the changes of the classes first, or take them back.")
            return
        if job is not None and job.state != "finished":
            job_cards.job_card(store, job, key="suggest_map")
        topics = _topics(store, project)
        pool_map = _read(store, project, topics)
        if pool_map is None:
            _look_for_topics(store, project)
        else:
            _choose(store, project, pool_map)


def _look_for_topics(store: Store, project: Project) -> None:
    st.markdown(
        "Texts that are about the same are put together, by embeddings made on this machine, and "
        "each topic is called by its typical words. You choose which become classes."
    )
    notice = curation.map_notice(store, project)
    if store.maps.stamp(project.id) is not None and notice:
        st.caption(plain(notice.partition(". ")[0] + "."))
    if press_once("Look for topics", icon=":material/travel_explore:", key="suggest_look"):
        with show_errors():
            jobs.start(store, MapRequest(project=project.name))
            st.rerun()


def _topics(store: Store, project: Project) -> int:
    if store.maps.stamp(project.id) is None:
        return USUAL_TOPICS
    return int(
        st.number_input(
            "Topics",
            FEWEST,
            MOST,
            USUAL_TOPICS,
            key=f"suggest_topics_{project.id}",
            width=140,
            help="More topics are narrower. Two that belong together become one class when they "
            "have the same name.",
        )
    )


def _choose(store: Store, project: Project, pool_map: PoolMap) -> None:
    if pool_map.missing:
        st.caption(
            f"{counted(pool_map.missing, 'text')} came later and "
            f"{'is' if pool_map.missing == 1 else 'are'} not counted here."
        )
    texts = reads.texts(store, project, ["text"])["text"]
    names = {}
    for topic in pool_map.topics:
        name = _row(store, project, len(pool_map.topics), topic, texts)
        if name is not None:
            names[topic.number] = name
    classes = _merged(names)
    for merged in classes.values():
        if len(merged) > 1:
            st.caption(plain(f"{len(merged)} topics become one class: {merged[0]!r}."))
    kind: Any = "primary" if project.label_set is None else "secondary"
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button(
            f"Make {counted(len(classes), 'class', 'classes')}",
            type=kind,
            icon=":material/check:",
            disabled=not classes,
            key="suggest_use",
        )
        st.caption(
            "The same name twice is one class. Typical words become the description."
            + ("" if project.label_set is None else " Classes and labels that are there stay.")
        )
    if pressed:
        with show_errors():
            wanted = curation.suggested_classes(project, pool_map.topics, names)
            edit = store.classes.edit(project.id, wanted, who=author().who)
            class_drafts.forget(project)
            st.session_state[SAVED] = edit
            st.rerun()


def _row(store: Store, project: Project, topics: int, topic: Topic, texts: pd.Series) -> str | None:
    """One topic with its fields; the name of its class, None where it is not used."""
    # A new map has other topics under the same numbers.
    key = f"suggest_{project.id}_{store.maps.stamp(project.id)}_{topics}_{topic.number}"
    fields, about = st.columns([5, 8], vertical_alignment="center")
    both = fields.container(horizontal=True, vertical_alignment="center")
    used = both.checkbox(
        f"Use topic {topic.number + 1}",
        project.label_set is None,
        key=f"{key}_use",
        label_visibility="collapsed",
    )
    typed = both.text_input(
        f"Class of topic {topic.number + 1}",
        topic.name,
        max_chars=200,
        key=f"{key}_name",
        disabled=not used,
        label_visibility="collapsed",
    )
    example = shortened(str(texts.iloc[topic.examples[0]]), _EXAMPLE) if topic.examples else ""
    about.markdown(
        f"**{counted(topic.texts, 'text')}** · {plain(', '.join(topic.words[:_SHOWN_WORDS]))}  \n"
        f":small[:gray[{plain(example)}]]"
    )
    return typed if used else None


def _merged(names: Mapping[int, str]) -> dict[str, list[str]]:
    """The names of each class that would come of the topics, as they are typed."""
    classes: dict[str, list[str]] = {}
    for name in names.values():
        classes.setdefault(" ".join(name.split()).casefold(), []).append(name)
    return classes


def _read(store: Store, project: Project, topics: int) -> PoolMap | None:
    stamp = store.maps.stamp(project.id)
    if stamp is None:
        return None
    try:
        return _pool_map(
            reads.home_of(store), project.id, stamp, project.digest, topics, store, project
        )
    except StoreError:
        return None


@st.cache_resource(show_spinner=False, max_entries=8)
def _pool_map(
    home: str,
    project_id: int,
    stamp: int,
    digest: str,
    topics: int,
    _store: Store,
    _project: Project,
) -> PoolMap | None:
    return curation.load_map(_store, _project, topics)
