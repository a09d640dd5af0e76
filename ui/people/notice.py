"""In the sidebar: how many texts are disputed, and whether one's own labels are among them."""

from __future__ import annotations

import streamlit as st

from llkd.store import Dispute, Project, Store
from ui.people import opening, reads
from ui.shell import fragments
from ui.shell.authorship import author
from ui.shell.steps import BY_NAME
from ui.shell.wording import counted, plain


def disputes(store: Store, project: Project | None) -> None:
    """A line and a button while anything is disputed; seen by everybody within seconds."""
    if project is None or project.label_set is None:
        return
    open_disputes = reads.disputes(store, project)
    if not open_disputes or opening.is_open(project):
        return  # whoever labels blindly must not read what others say
    who = author().who
    words = counted(len(open_disputes), "disputed text")
    with st.container(border=True, key="people_notice", gap="xsmall"):
        st.markdown(f":orange[:material/group:] **{plain(words)}**")
        line = about_mine(open_disputes, who)
        if line:
            st.caption(plain(line))
        if st.button("Settle", key="people_notice_settle", width="stretch"):
            opening.open_desk(project, opening.Desk("settle"))
            fragments.forget()
            st.switch_page(
                BY_NAME["Curate"].file,
                query_params={"project": project.name, opening.ADDRESS: "settle"},
            )


def about_mine(open_disputes: list[Dispute], who: str) -> str:
    """Who said otherwise of texts that ``who`` labelled; empty where nobody did."""
    others: dict[str, int] = {}
    for dispute in open_disputes:
        names = {opinion.who for opinion in dispute.opinions}
        if who in names:
            for name in sorted(names - {who}):
                others[name] = others.get(name, 0) + 1
    parts = [f"{name} on {counted(number, 'text')}" for name, number in others.items()]
    return f"Others differ from you: {', '.join(parts[:3])}." if parts else ""
