"""What a training on a selection of Curate trains on, in one true sentence."""

from __future__ import annotations

import streamlit as st

from llkd.config.selection_rule import CertifiedRule
from llkd.evaluation import audits
from llkd.evaluation.kept_sentence import in_short
from llkd.store import Project, Store
from ui.curate import quality
from ui.shell.wording import counted, plain


def sentence(store: Store, project: Project, name: str) -> None:
    """How many texts the saved selection keeps by now, and how right their labels are."""
    selection = store.selections.get(project.id, name)
    if isinstance(selection.rule, CertifiedRule):
        facts = audits.certificate_facts(store, project, selection.rule)
        sign = ":material/verified:" if facts["holds"] else ":material/warning:"
        st.markdown(
            f"**You train on what \u201c{plain(name)}\u201d holds.** {sign} "
            f"{plain(str(facts['sentence']))}",
            width="stretch",
        )
        return
    known, texts = quality.of_rule(store, project, selection.rule)
    st.markdown(
        f"**You train on {counted(texts, 'text')} kept on Curate** ({in_short(known)}), "
        f"saved as \u201c{plain(name)}\u201d.",
        width="stretch",
    )
