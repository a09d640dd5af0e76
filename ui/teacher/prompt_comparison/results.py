"""The result of a comparison of prompts: recommendation, chart, table, and taking it up.

Candidates are named after settings that a user typed: names stand in the table and, escaped, in
the chart.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from llkd import charts
from llkd.config import TeacherConfig, build
from llkd.errors import UserError
from llkd.selection import signals
from llkd.store import Project, Store
from ui.shell.errors import show_errors
from ui.shell.figures import CHART_CONFIG
from ui.shell.wording import TERMS, duration, money, plain
from ui.teacher.report import calibration
from ui.teacher.setup import form

_MESSAGE = "_bake_off_said"


def show(store: Store, project: Project, result: dict[str, Any]) -> None:
    """The result document of a finished comparison."""
    candidates, best = result["candidates"], result["best"]
    with st.container(border=True):
        st.markdown("## Result", help=TERMS["prompt comparison"])
        if best is None:
            st.markdown("No way of asking gave an answer that could be measured.")
        else:
            st.markdown(plain(best["sentence"]))
            _take_up(store, project, candidates, best.get("recommended") or best)
        judged = calibration.rows_in_words(result["rows"], result["source"], result["held_out"])
        st.plotly_chart(
            _chart(candidates, best),
            config=CHART_CONFIG,
            key=f"bake_chart_{project.id}",
            alt="Accuracy of each candidate under each calibration, with its interval",
        )
        st.caption(
            f"Measured on the same {judged}; bars are 95\u00a0% intervals. Recommended is the "
            "smallest area under risk\u2013coverage: the fewest wrong labels among the most "
            "confident."
        )
        _left_out(candidates, result.get("stopped"))
        with st.expander("All figures", icon=":material/table_rows:", key="candidates_box"):
            _table(candidates)


def _left_out(candidates: list[dict[str, Any]], stopped: str | None) -> None:
    """Why a candidate has no figures."""
    if stopped:
        st.warning(plain(stopped), icon=":material/savings:")
    for candidate in candidates:
        if candidate.get("same_as") is not None:
            same = candidates[candidate["same_as"]]["name"]
            st.caption(
                plain(f"{candidate['name']}: asks in just the same way as \u201c{same}\u201d.")
            )
        elif candidate.get("error") and not stopped:
            st.caption(plain(f"{candidate['name']}: {candidate['error']}"))


def _take_up(
    store: Store, project: Project, candidates: list[dict[str, Any]], recommended: dict[str, Any]
) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Use this",
            type="primary",
            icon=":material/check:",
            key=f"bake_use_{project.id}",
            help="Puts these settings into the form; nothing is asked until you start labelling.",
            on_click=_use,
            args=(
                store,
                project,
                candidates[recommended["candidate"]]["config"],
                recommended["calibration"],
            ),
        )
        message = st.session_state.pop(_MESSAGE, None)
        if message:
            st.caption(f":green[:material/check:] {plain(message)}", width="stretch")


def _use(store: Store, project: Project, settings: dict[str, Any], wanted_calibration: str) -> None:
    with show_errors():
        config = build(TeacherConfig, settings)
        form.fill_in(project, config)
        in_use = store.labeling_runs.in_use(project.id, project.labelling_id)
        if in_use is not None:  # ways to ask are compared before labels are refined
            refined = signals.is_refined(in_use.calibration)
            wanted_calibration = signals.with_refinement(wanted_calibration, refined)
        st.session_state[f"teacher_calibration_{project.id}"] = wanted_calibration
        message = f"In the form now; calibration: {calibration.called(wanted_calibration).lower()}."
        mine = [
            labeling_run
            for labeling_run in store.labeling_runs.all(project.id)
            if labeling_run.config == config
        ]
        if mine:
            try:
                calibration.use(store, project, mine[0], wanted_calibration)
            except UserError as error:
                message = f"In the form now. {error}"
        st.session_state[_MESSAGE] = message
        st.rerun()  # the whole page: its figures may stand under another calibration now


def _chart(candidates: list[dict[str, Any]], best: dict[str, Any] | None) -> Any:
    """A temperature changes no label, so only the calibrations below it have a mark."""
    ring = None
    if best is not None:
        recommended = best.get("recommended") or best
        ring = recommended["candidate"], _base(recommended["calibration"])
    marks = [
        {
            "candidate": place,
            "calibration": _base(measure["calibration"]),
            "accuracy": measure["accuracy"],
            "low": measure["accuracy_low"],
            "high": measure["accuracy_high"],
        }
        for place, candidate in enumerate(candidates)
        for measure in candidate["measures"]
        if not signals.split_calibration(measure["calibration"])[1]
    ]
    return charts.candidates([measure["name"] for measure in candidates], marks, ring)


def _base(wanted_calibration: str) -> str:
    return calibration.called(signals.split_calibration(wanted_calibration)[0])


def _table(candidates: list[dict[str, Any]]) -> None:
    lines = [
        {
            "candidate": candidate["name"],
            "calibration": calibration.called(measure["calibration"]),
            "accuracy": measure["accuracy"],
            "from": measure["accuracy_low"],
            "to": measure["accuracy_high"],
            "macro-F1": measure["macro_f1"],
            "AUROC of confidence": measure["auroc"],
            "calibration error": measure["ece"],
            "area under risk\u2013coverage": measure["aurc"],
            "time": duration(candidate["seconds"]),
            "tokens": candidate["tokens_in"] + candidate["tokens_out"],
            **({"cost": money(candidate["money"])} if candidate["money"] is not None else {}),
        }
        for candidate in candidates
        for measure in candidate["measures"]
    ]
    figures = (
        "accuracy",
        "from",
        "to",
        "macro-F1",
        "AUROC of confidence",
        "calibration error",
        "area under risk\u2013coverage",
    )
    st.dataframe(
        pd.DataFrame(lines),
        hide_index=True,
        column_config={
            "candidate": st.column_config.TextColumn(width="medium"),
            **{
                name: st.column_config.NumberColumn(format="%.3f", help=TERMS.get(name))
                for name in figures
            },
            "tokens": st.column_config.NumberColumn(format="localized"),
        },
        placeholder="\u2013",
        alt="Each candidate under each calibration: quality, time and cost",
    )
