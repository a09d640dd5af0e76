"""What an audit says by now, and what may be done with it: certify, train, export, go on."""

from __future__ import annotations

import streamlit as st

from llkd.errors import LLKDError
from llkd.evaluation import audits
from llkd.evaluation.audits import AuditStatus
from llkd.selection.registry import SAVED
from llkd.store import Audit, CertificateRecord, Project, Store
from ui.audit import figures, opening, words
from ui.curate import carried
from ui.people import reads
from ui.shell.errors import show_error
from ui.shell.page import go_to
from ui.shell.wording import count, counted, plain


def show(store: Store, project: Project, status: AuditStatus, *, on_desk: bool = False) -> None:
    """The sentence, the certificate or why there is none, and the buttons that follow."""
    if status.certificate.certified is not None and not status.broken:
        st.success(f"**{plain(status.sentence)}**", icon=":material/verified:")
    elif status.broken or status.certificate.reachable is False:
        st.warning(f"**{plain(status.sentence)}**", icon=":material/block:")
    else:
        st.markdown(f"**{plain(status.sentence)}**")
    lines = [words.so_far(status), status.next_step]
    st.markdown(plain(" ".join(line for line in lines if line)))
    _two_people(status)
    if not on_desk and status.wrong:
        st.caption(plain(words.by_class(project, status)))
    if not on_desk:
        _ground_truth(store, project)
    if not status.broken:
        _take(store, project, status)
    forecast = status.worth if status.audit.open else ""
    if forecast:
        st.caption(plain(forecast))
    if on_desk:
        st.caption(
            f"As of {count(status.answered + status.waiting)} answers. The figures follow in steps "
            "of five, so that none says whether your last answer was the teacher's."
        )


def _ground_truth(store: Store, project: Project) -> None:
    """Where two people's agreement is known: how far people's labels are the truth."""
    samples = store.label_samples.all(project.id)
    sentence = reads.agreement(store, project, samples[0]).meaning if samples else ""
    if sentence:
        st.caption(plain(sentence))


def _two_people(status: AuditStatus) -> None:
    if status.audit.people == 1:
        return
    by = ", ".join(f"{plain(who)} {count(n)}" for who, n in status.answered_by.items())
    line = f"Answers: {by or 'none yet'}."
    kappa = status.kappa
    if kappa is not None and kappa.kappa is not None:
        low, high = kappa.kappa_low, kappa.kappa_high
        line += (
            f" Cohen's \u03ba {kappa.kappa:.2f} (95 % interval {low:.2f} to {high:.2f}) over the "
            f"{counted(kappa.texts, 'text')} that both answered."
        )
    st.markdown(line)
    if status.disagreements:
        st.caption(f"{count(status.disagreements)} to be settled: the certificate waits for them.")


def _take(store: Store, project: Project, status: AuditStatus) -> None:
    """What can be promised now: the target, or with one button less than that."""
    certificate = status.certificate
    if certificate.certified is not None:
        size = certificate.sets[certificate.certified].size
        _use(store, project, status.audit, certificate.target, size, primary=True)
        return
    instead = words.lesser(certificate)
    documents = [standing.record.document for standing in status.certificates[-1:]]
    if instead is not None and instead not in [(last.target, last.size) for last in documents]:
        best, size = instead
        label = f"Certify at least {words.percent(best)} right of {counted(size, 'text')}"
        if st.button(
            plain(label), key=f"audit_lesser_{status.audit.id}", icon=":material/verified:"
        ):
            record = _certify(store, status.audit, best)
            if record is not None:
                figures.forget(status.audit)
                st.rerun()
    for standing in status.certificates[-1:]:
        document = standing.record.document
        if standing.broken is not None:
            st.warning(plain(standing.broken), icon=":material/link_off:")
            return
        st.success(f"**{plain(document.promise)}**", icon=":material/verified:")
        _use(store, project, status.audit, document.target, document.size, primary=False)


def _use(
    store: Store, project: Project, audit: Audit, target: float, size: int, *, primary: bool
) -> None:
    """On with the certified texts."""
    with st.container(horizontal=True):
        train = st.button(
            f"Train on these {count(size)}",
            type="primary" if primary else "secondary",
            icon=":material/model_training:",
            key=f"audit_train_{audit.id}",
        )
        export = st.button(
            "Export the certified set", icon=":material/output:", key=f"audit_export_{audit.id}"
        )
    if not train and not export:
        return
    record = _certify(store, audit, target)
    if record is None:
        return
    name = audits.saved_selection(store, project, record)
    opening.close(project)
    carried.carry(project, name)
    if export:
        go_to("Export")
    st.session_state["train_strategy"], st.session_state["train_saved_rows"] = SAVED, name
    go_to("Train")


def _certify(store: Store, audit: Audit, target: float) -> CertificateRecord | None:
    """Store the certificate and its selection; what is wrong is said where the button was."""
    try:
        return audits.certify_audit(store, audit, target=target)
    except LLKDError as error:
        show_error(str(error))
        return None
