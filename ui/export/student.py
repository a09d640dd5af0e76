"""In which form a student is taken along, and what was measured of each."""

from __future__ import annotations

import streamlit as st

from llkd.installation import lacking
from llkd.store import Job
from ui.shell.wording import count, plain, share

ONNX, FOLDER = "With ONNX (32-bit and 8-bit)", "Transformers folder"
_FORMS = {"torch": "PyTorch, 32-bit", "fp32": "ONNX, 32-bit", "int8": "ONNX, 8-bit"}


def with_onnx() -> bool:
    """Whether the student is wanted as ONNX as well; False, and why, where that cannot be made."""
    sentence = lacking("onnx", "A student as ONNX")
    if sentence is not None:
        st.caption(f"It comes as a folder for transformers. {plain(sentence)}")
        return False
    form = st.segmented_control(
        "The student's form",
        [ONNX, FOLDER],
        default=ONNX,
        required=True,
        key="export_student_form",
        persist_state="session",
        help="Weights, tokenizer and a model card with the measured figures come in both. ONNX "
        "adds two files that run without PyTorch, a short predict.py that needs onnxruntime, "
        "tokenizers and numpy only, and what the 8-bit one costs in accuracy and saves in time.",
    )
    return form != FOLDER


def measured(job: Job) -> None:
    """What a finished export measured of the student's forms; nothing where it had none."""
    measured = (job.result or {}).get("student")
    if not measured:
        return
    variants = measured["variants"]
    columns: dict[str, list[str]] = {"Student": [_FORMS[name] for name in variants]}
    if all("accuracy" in entry for entry in variants.values()):
        columns["Accuracy"] = [share(entry["accuracy"]) for entry in variants.values()]
    columns["Same label as PyTorch"] = [share(entry["agreement"]) for entry in variants.values()]
    columns["One text"] = [f"{entry['ms_per_text']:.1f} ms" for entry in variants.values()]
    columns["In batches"] = [
        f"{count(entry['texts_per_second'])} texts/s" for entry in variants.values()
    ]
    st.markdown("**The student's forms**, measured:")
    st.dataframe(columns, hide_index=True, alt="Accuracy and speed of the student's forms")
    kind = "held-out texts" if measured["texts"]["kind"] == "held-out" else "texts of the pool"
    threads = measured["threads"]
    st.caption(
        f"On {count(measured['texts']['count'])} {kind}, on the CPU with {threads} "
        f"{'thread' if threads == 1 else 'threads'}, from text to probabilities."
    )
    if measured["note"]:
        st.warning(plain(measured["note"]), icon=":material/warning:")
