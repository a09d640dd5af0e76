"""A page of its own for the decision plane: synthetic rows, and what the server counts.

The address says how many: ?n=20000&classes=4&need=yes&held=yes&seed=0. With ``held=yes`` the page
holds thresholds, region and look itself, as Curate does; else they are starting values. With
``map=yes`` rows are drawn on a map, one cloud of dots for each class.
"""

import json

import numpy as np
import streamlit as st

from ui.decision_plane import (
    Brush,
    Category,
    Group,
    Look,
    decision_plane,
    kept_mask,
    on_map,
    pack,
    tally,
    threshold_units,
)

st.set_page_config(layout="wide")
asked = st.query_params
N, CLASSES, SEED = (
    int(asked.get(name, d)) for name, d in (("n", 20000), ("classes", 4), ("seed", 0))
)
HELD = asked.get("held", "yes") == "yes"
WORDS = ("sport", "world news", "business", "science and technology", "health", "travel", "music")
HOSTILE = {1: "<img src=x onerror=alert(1)>", 2: "**bold** %{x} \u202eright to left"}
NAMES = [
    HOSTILE.get(k, f"{WORDS[k % 7]}{'' if k < 7 else f' {k // 7 + 1}'}") for k in range(CLASSES)
]


@st.cache_resource
def rows(n, classes, seed, need_known, version):
    """Signals as a teacher and a student give them: sure ones crowd at 1, most need is small."""
    r = np.random.default_rng(seed)
    label = (
        r.choice(classes, n, p=(w := 1 / (1 + np.arange(classes))) / w.sum())
        if classes
        else np.full(n, -1)
    )
    gold = np.where(
        r.random(n) < 0.3,
        np.where(r.random(n) < 0.85, label, r.integers(0, max(1, classes), n)),
        -1,
    )
    confidence = 1 - r.beta(1.1, 4.5 + 3 * (label % 3), n)
    need = np.clip(r.beta(1.2 + 0.5 * (label % 2), 3.0, n) + 0.25 * (0.9 - confidence), 0, 1)
    confidence[r.random(n) < 0.01] = np.nan
    need[r.random(n) < 0.02] = np.nan
    if not need_known:
        need[:] = np.nan
    label = np.where(r.random(n) < 0.01, -1, label)
    human = (r.random(n) < 0.004 * version) & (label >= 0)
    split = r.integers(0, 3, n).astype(np.uint8)
    split[r.random(n) < 0.5] = 255
    return pack(
        confidence,
        need,
        label,
        classes,
        human=human,
        excluded=r.random(n) < 0.003,
        gold=gold,
        disagrees=r.random(n) < 0.2,
        categories=[Category("Saved: first look", split, ("one", "two", "three"))],
    )


def clouds(packed, seed):
    """A place for each row, one cloud a class on a circle, some rows without; the clouds' names."""
    r = np.random.default_rng(seed + 1)
    turn = 2 * np.pi * np.arange(CLASSES + 1) / (CLASSES + 1)
    middles = 0.5 + 0.36 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    places = middles[np.minimum(packed.label, CLASSES)] + r.normal(0, 0.05, (packed.rows, 2))
    places[r.random(packed.rows) < 0.05] = np.nan
    return on_map(packed, places), [
        Group(name, *middle) for name, middle in zip(NAMES, middles, strict=False)
    ]


state = st.session_state
held = state.setdefault("held", {"thresholds": (0.7, 0.2), "lasso": None, "look": Look()})
log = state.setdefault("log", [])
state.setdefault("version", 1)


def put(**parts):
    held.update(parts)
    log.append(sorted(parts))


with st.container(horizontal=True):
    st.button("Preset", on_click=lambda: put(thresholds=(0.5, 0.35)))
    st.button(
        "Per class",
        on_click=lambda: put(
            thresholds=({n: 0.4 + 0.4 * (k % 3) / 3 for k, n in enumerate(NAMES)}, 0.1)
        ),
    )
    st.button("Unmark", on_click=lambda: put(lasso=None))
    st.button("Relabel", on_click=lambda: state.update(version=state.version + 1))
    st.button("Rerun")
    st.button("Mark", on_click=lambda: state.update(marked=not state.get("marked", False)))
    hide = st.toggle("Hide")

packed = rows(N, CLASSES, SEED, asked.get("need", "yes") == "yes", state.version)
groups = []
if asked.get("map") == "yes":
    packed, groups = clouds(packed, SEED)


@st.fragment
def plane():
    shown = decision_plane(
        packed,
        key="plane",
        names=NAMES,
        thresholds=held["thresholds"] if HELD else (0.7, 0.2),
        lasso=held["lasso"] if HELD else None,
        look=held["look"] if HELD else None,
        groups=groups,
        brush=Brush(np.arange(N) % 10 == 0, "marked elsewhere") if state.get("marked") else None,
        text_of=lambda row: f"Text {row}: {HOSTILE[1]} {HOSTILE[2]}",
        on_thresholds=lambda teacher, student: put(thresholds=(teacher, student)),
        on_lasso=lambda region: put(lasso=region),
        on_look=lambda look: put(look=look),
    )
    units = [threshold_units(t, NAMES) for t in (shown.teacher, shown.student)]
    told = tally(packed, kept_mask(packed, *units))
    told["thresholds"] = [u.tolist() for u in units]
    told["lasso"] = None if shown.lasso is None else len(shown.lasso.rows(packed))
    told["label"] = None if shown.lasso is None else shown.lasso.label
    told["picked"], told["colour"], told["compare"] = (
        shown.look.picked,
        shown.look.colour_by,
        shown.look.compare,
    )
    told["zoom"], told["hovered"] = shown.look.zoom, shown.hovered
    told["moves"] = len(log)
    st.text(json.dumps(told))


if not hide:
    plane()
