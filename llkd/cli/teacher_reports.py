"""What asking a teacher came to, shown to a person: labels, the bill, the estimate, a bake-off."""

from __future__ import annotations

from typing import Any

from llkd.cli.output import print_job, print_table, printable, shown

Document = dict[str, Any]
CANDIDATE_COLUMNS = {
    "name": ("candidate", ""),
    "calibration": ("calibration", ""),
    "accuracy": ("accuracy", "%"),
    "macro_f1": ("macro-F1", "%"),
    "auroc": ("AUROC", "%"),
    "ece": ("ECE", "%"),
    "calls": ("calls", ""),
    "tokens_in": ("tokens read", ""),
    "money": ("money", ""),
}

CHANGED_COLUMNS = {
    "id": ("id", ""),
    "before": ("label before", ""),
    "confidence_before": ("confidence", "%"),
    "after": ("after", ""),
    "confidence_after": ("confidence", "%"),
    "text": ("text", ""),
}


def label(document: Document) -> None:
    """``llkd label`` and its dry run."""
    if "examples" in document:
        _dry_run(document)
        return
    if "labelled" not in document:
        print_job(document)
        return
    print(f"{document['labelled']:,} texts labelled in {document['seconds']:,.0f} s.")
    if document["unanswered"]:
        again = "" if document.get("of_file") else " --ask-again asks about them once more."
        print(f"Without a usable answer, kept for review: {document['unanswered']:,}.{again}")
    print_table(
        [{"class": name, "texts": count} for name, count in document["per_class"].items()],
        {"class": ("class", ""), "texts": ("texts", "")},
    )
    if document["accuracy"] is not None:
        print(
            f"On {document['evaluated']:,} {_class_source(document)} texts"
            f"{_cross_fit_note(document)}: accuracy {shown(document['accuracy'], '%')}, "
            f"macro-F1 {shown(document['macro_f1'], '%')} (calibration {document['calibration']})."
        )
    from llkd import curation
    from llkd.selection import signals

    warning = curation.share_warning(document.get("batch_share_shift"))
    if warning:
        print(f"Note: {warning} {curation.how_to_tell(document.get('development_texts', 0))}")
    name = document.get("calibration") or "none"
    if signals.split_calibration(name)[0] == signals.FITTED and not document.get("fit"):
        print(
            f"Note: fitted calibration needs {signals.WEIGHT_ROWS} texts of the pool whose class "
            "is known; until then these labels are as under batch."
        )
    if signals.is_refined(name) and not document.get("refinement"):
        print("Note: these labels are not refined yet: that needs llkd probe first.")
    elif document.get("refinement"):
        changed = document["refinement"]["changed"]
        print(f"{changed:,} labels are others by refinement. See: llkd refine")
    _usage(document)
    for sentence in document.get("notices", ()):
        print(f"Note: {printable(sentence)}")
    if document["stopped"]:
        print(f"Stopped: {printable(document['stopped_because'])}")
        print(f"{document['left']:,} texts are left. The same command with more allowed goes on.")


def _class_source(document: Document) -> str:
    return "hand-labelled" if document.get("judged_by") == "human" else "gold"


def _cross_fit_note(document: Document) -> str:
    return ", each by a fit to the others" if document.get("cross_fitted") else ""


def bake_off(document: Document) -> None:
    """``llkd bake-off``."""
    if "candidates" not in document:
        print_job(document)
        return
    for row in document["candidates"]:
        if row.get("error"):
            print(f"{printable(row['name'])}: {printable(row['error'])}")
        if row.get("same_as") is not None:
            twin = document["candidates"][row["same_as"]]["name"]
            print(f"{printable(row['name'])} asks just like: {printable(twin)}")
    rows = [
        {**row, **measure, "money": None if row["money"] is None else f"{row['money']:,.4f}"}
        for row in document["candidates"]
        for measure in row["measures"]
    ]
    if rows:
        print_table(rows, CANDIDATE_COLUMNS)
    if document["best"]:
        print(printable(document["best"]["sentence"]))
    if document["stopped"]:
        print(f"Stopped: {printable(str(document['stopped']))}")


def refine(document: Document) -> None:
    """``llkd refine``: how many labels changed, whether for the better, and which."""
    if not document["refined"]:
        print(f"Labels are no longer refined (calibration {document['calibration']}).")
        return
    print(
        f"Refined: {document['changed']:,} of {document['texts']:,} labels are others "
        f"(calibration {document['calibration']})."
    )
    judged = document["judged"]
    if judged is not None:
        kind = "hand-labelled" if judged["source"] == "human" else "gold"
        low, high = (f"{100 * judged[end]:+.1f}" for end in ("low", "high"))
        print(
            f"On {judged['texts']:,} {kind} texts: {shown(judged['before'], '%')} right before, "
            f"{shown(judged['after'], '%')} after; difference {low} to {high} points (95 %)."
        )
    pairs = {"before": ("label before", ""), "after": ("after", ""), "texts": ("texts", "")}
    print_table(document["pairs"], pairs)
    if document["listed"]:
        rows = [{**row, "text": " ".join(row["text"].split())[:60]} for row in document["listed"]]
        print_table(rows, CHANGED_COLUMNS)


def cache(document: Document) -> None:
    """``llkd cache``."""
    what = f"{document['answers']:,} answers ({document['bytes'] / 1e6:,.1f} MB)"
    print(f"{what} deleted; labels stay." if document["deleted"] else f"{what} kept from teachers.")


def _usage(document: Document) -> None:
    """What the pass has cost so far, where there is something to tell."""
    if document["cached"]:
        print(f"{document['cached']:,} answers came from the cache and cost nothing.")
    if document["cut"]:
        print(f"{document['cut']:,} texts were too long and lost their middle.")
    if not document["calls"] + document["lost"] + document["refused"]:
        return
    line = (
        f"Usage of this labelling run: {document['calls']:,} calls, {document['tokens_in']:,} "
        f"tokens read and {document['tokens_out']:,} written"
    )
    if document["money"] is not None:
        line += f", {document['money']:,.4f} spent"
    print(line + ".")
    if document["lost"]:
        unsure = document["unsure_money"]
        worth = f" ({unsure:,.4f})" if unsure is not None else ""
        print(f"In it {document['lost']:,} calls without an answer, counted in full{worth}.")
    if document["refused"]:
        print(f"{document['refused']:,} more were refused by the server and cost nothing.")


def _dry_run(document: Document) -> None:
    for sentence in document.get("notices", ()):
        print(f"Note: {printable(sentence)}")
    for example in document["examples"]:
        print(f"{printable(example['text'])[:100]}")
        sure = shown(example["confidence"], "%")
        cached = ", from cache" if example["cached"] else ""
        print(f"  → {shown(example['label'])} ({sure}, uncalibrated, {example['source']}{cached})")
    estimate = document["estimate"]
    in_batches = estimate.get("batch", False)
    print(f"For the {estimate['texts']:,} texts that are left, about:")
    rows = [
        {"what": what, **dict(zip(("low", "middle", "high"), numbers, strict=True))}
        for what, numbers in (
            ("calls", [round(n) for n in estimate["calls"]]),
            ("tokens read", [round(n) for n in estimate["tokens_in"]]),
            ("tokens written", [round(n) for n in estimate["tokens_out"]]),
            ("minutes", None if in_batches else [n / 60 for n in estimate["seconds"]]),
            ("money", estimate["money"] and [f"{n:,.4f}" for n in estimate["money"]]),
        )
        if numbers is not None
    ]
    headings = {key: (key.replace("what", ""), "") for key in ("what", "low", "middle", "high")}
    print_table(rows, headings)
    if in_batches:
        print("A batch is answered within 24 hours.")


def key(document: Document) -> None:
    """``llkd key``: hosts and the file, never a key."""
    for remark in document["remarks"]:
        print(printable(remark))
    if document["act"] == "list":
        for host in document["hosts"]:
            print(printable(host))
        if not document["hosts"]:
            print("No key is kept. Keep one with: llkd key set api.example.com")
        return
    host = printable(document["host"])
    if document["act"] == "set":
        print(f"The key for {host} is kept in {printable(document['file'])}, for you alone.")
    elif document["forgotten"]:
        print(f"The key for {host} is forgotten.")
    else:
        print(f"No key is kept for {host}: nothing to forget.")
