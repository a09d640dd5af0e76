"""A student in its other forms, on its card: sizes, times, and how alike their answers are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llkd.evaluation.intervals import Difference
from llkd.evaluation.wording import points
from llkd.exporting.markup import share, size, table, visible

FORMS = {
    "torch": "PyTorch, 32-bit",
    "fp32": "ONNX, 32-bit",
    "int8": "ONNX, 8-bit",
}


def forms_section(forms: Mapping[str, Any], sizes: Mapping[str, int]) -> str:
    """What was measured of a student's forms; ``sizes`` maps files to bytes."""
    texts, variants = forms["texts"], forms["variants"]
    measured = all("accuracy" in entry for entry in variants.values())
    heads = ["form", "file", "size"]
    heads += ["accuracy", "difference"] if measured else []
    heads += ["same label as PyTorch", "one text", "in batches"]
    rows = []
    for name, entry in variants.items():
        file = entry["file"]
        row = [FORMS[name], f"`{file}`", size(sizes[file])]
        if measured:
            row.append(share(entry["accuracy"]))
            apart = entry["accuracy_difference"]
            row.append("–" if name == "torch" else f"{points(Difference(**apart))} points")
        row += ["–" if name == "torch" else share(entry["agreement"])]
        row += [f"{entry['ms_per_text']:.1f} ms", f"{entry['texts_per_second']:,.0f} texts/s"]
        rows.append(row)
    of = texts["of"]
    which = "held-out texts" if texts["kind"] == "held-out" else "texts of the pool"
    some = f"{texts['count']:,} of the {of:,}" if texts["count"] < of else f"the {of:,}"
    processor = f" ({visible(forms['processor'])})" if forms.get("processor") else ""
    lines = [
        f"Measured on {some} {which}. Times are medians on the CPU{processor}, "
        f"{forms['threads']} {'thread' if forms['threads'] == 1 else 'threads'}, from text to "
        f"probabilities: one text alone, and batches of {forms['batch']}.",
        table(heads, rows, numbers=True),
    ]
    if not measured:
        lines.append("No gold was there, so only the agreement of the forms could be measured.")
    lines.append(
        forms["note"]
        or "The 8-bit model is at most one point less accurate than the 32-bit one and gives "
        "another label to at most one text in twenty, the bounds within which it is not advised "
        "against."
        if measured
        else forms["note"]
        or "The 8-bit model gives another label to at most one text in twenty, the bound within "
        "which it is not advised against."
    )
    lines.append(
        "In the 8-bit model a text's probabilities depend a little on the texts that share its "
        "batch, because the scale of the activations is taken over all of them."
    )
    return "\n\n".join(lines)
