"""What a bake-off found: the recommendation, a chart, a table, and a button that takes it up.

Candidates are named after settings that a user typed: names stand in the table and, escaped, in
the chart.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from llkd import charts, signals
from llkd.config import TeacherConfig, build
from llkd.errors import UserError
from llkd.store import Project, Store
from ui.errors import told
from ui.teacher import calibration, form
from ui.wording import TERMS, duration, money, plain

PLOT = {"displayModeBar": False, "scrollZoom": False}
_SAID = "_bake_off_said"


def show(store: Store, project: Project, result: dict[str, Any]) -> None:
    """The result document of a finished bake-off."""
    found, best = result["candidates"], result["best"]
    with st.container(border=True):
        st.markdown("## What came out", help=TERMS["bake-off"])
        if best is None:
            st.markdown("None of them gave an answer that could be judged.")
        else:
            st.markdown(plain(best["sentence"]))
            _take_up(store, project, found, best.get("recommended") or best)
        judged = calibration.rows_in_words(result["rows"], result["source"], result["held_out"])
        st.plotly_chart(
            _chart(found, best),
            config=PLOT,
            key=f"bake_chart_{project.id}",
            alt="Accuracy of each candidate under each calibration, with its interval",
        )
        st.caption(
            f"Judged on the same {judged}. The bars are 95\u00a0% intervals; the recommendation "
            "looks at the mean risk: how many labels are wrong among those it is surest of."
        )
        _left_out(found, result.get("stopped"))
        with st.expander("All figures", icon=":material/table_rows:"):
            _table(found)


def _left_out(found: list[dict[str, Any]], stopped: str | None) -> None:
    """Why a candidate has no figures."""
    if stopped:
        st.warning(plain(stopped), icon=":material/savings:")
    for one in found:
        if one.get("same_as") is not None:
            same = found[one["same_as"]]["name"]
            st.caption(plain(f"{one['name']}: asks in just the same way as \u201c{same}\u201d."))
        elif one.get("error") and not stopped:
            st.caption(plain(f"{one['name']}: {one['error']}"))


def _take_up(
    store: Store, project: Project, found: list[dict[str, Any]], chosen: dict[str, Any]
) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Use this",
            type="primary",
            icon=":material/check:",
            key=f"bake_use_{project.id}",
            help="Puts these settings into the form; nothing is asked until you start labelling.",
            on_click=_use,
            args=(store, project, found[chosen["candidate"]]["config"], chosen["calibration"]),
        )
        said = st.session_state.pop(_SAID, None)
        if said:
            st.caption(f":green[:material/check:] {plain(said)}", width="stretch")


def _use(store: Store, project: Project, settings: dict[str, Any], chosen: str) -> None:
    with told():
        config = build(TeacherConfig, settings)
        form.fill_in(project, config)
        st.session_state[f"teacher_calibration_{project.id}"] = chosen
        said = f"In the form now; calibration: {calibration.called(chosen).lower()}."
        mine = [one for one in store.labellings.all(project.id) if one.config == config]
        if mine:
            try:
                calibration.use(store, project, mine[0], chosen)
            except UserError as error:
                said = f"In the form now. {error}"
        st.session_state[_SAID] = said
        st.rerun()  # the whole page: its figures may stand under another calibration now


def _chart(found: list[dict[str, Any]], best: dict[str, Any] | None) -> Any:
    """A temperature changes no label, so only the calibrations below it have a mark."""
    ring = None
    if best is not None:
        chosen = best.get("recommended") or best
        ring = chosen["candidate"], _base(chosen["calibration"])
    marks = [
        {
            "candidate": place,
            "calibration": _base(one["calibration"]),
            "accuracy": one["accuracy"],
            "low": one["accuracy_low"],
            "high": one["accuracy_high"],
        }
        for place, candidate in enumerate(found)
        for one in candidate["measures"]
        if not signals.split_calibration(one["calibration"])[1]
    ]
    return charts.candidates([one["name"] for one in found], marks, ring)


def _base(chosen: str) -> str:
    return calibration.called(signals.split_calibration(chosen)[0])


def _table(found: list[dict[str, Any]]) -> None:
    lines = [
        {
            "candidate": one["name"],
            "calibration": calibration.called(m["calibration"]),
            "accuracy": m["accuracy"],
            "from": m["accuracy_low"],
            "to": m["accuracy_high"],
            "macro-F1": m["macro_f1"],
            "separation": m["auroc"],
            "calibration error": m["ece"],
            "mean risk": m["aurc"],
            "time": duration(one["seconds"]),
            "tokens": one["tokens_in"] + one["tokens_out"],
            **({"money": money(one["money"])} if one["money"] is not None else {}),
        }
        for one in found
        for m in one["measures"]
    ]
    figures = ("accuracy", "from", "to", "macro-F1", "separation", "calibration error", "mean risk")
    terms = {"mean risk": "risk"}
    st.dataframe(
        pd.DataFrame(lines),
        hide_index=True,
        column_config={
            "candidate": st.column_config.TextColumn(width="medium"),
            **{
                name: st.column_config.NumberColumn(
                    format="%.3f", help=TERMS.get(terms.get(name, name))
                )
                for name in figures
            },
            "tokens": st.column_config.NumberColumn(format="localized"),
        },
        placeholder="\u2013",
        alt="Each candidate under each calibration: quality, time and money",
    )
