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


def label(found: Document) -> None:
    """``llkd label`` and its dry run."""
    if "examples" in found:
        _dry_run(found)
        return
    if "labelled" not in found:
        print_job(found)
        return
    print(f"{found['labelled']:,} texts labelled in {found['seconds']:,.0f} s.")
    if found["unanswered"]:
        again = "" if found.get("of_file") else " --ask-again asks about them once more."
        print(f"Without a usable answer, kept for review: {found['unanswered']:,}.{again}")
    print_table(
        [{"class": name, "texts": count} for name, count in found["per_class"].items()],
        {"class": ("class", ""), "texts": ("texts", "")},
    )
    if found["accuracy"] is not None:
        print(
            f"On {found['evaluated']:,} {_known(found)} texts{_fairly(found)}: "
            f"accuracy {shown(found['accuracy'], '%')}, "
            f"macro-F1 {shown(found['macro_f1'], '%')} (calibration {found['calibration']})."
        )
    from llkd import curation, signals  # loads pandas, which other reports would pay for

    warning = curation.share_warning(found.get("batch_share_shift"))
    if warning:
        print(f"Note: {warning} {curation.how_to_tell(found.get('development_texts', 0))}")
    if found.get("calibration") == signals.FITTED and not found.get("fit"):
        print(
            f"Note: fitted calibration needs {signals.WEIGHT_ROWS} texts of the pool whose class "
            "is known; until then these labels are as under batch."
        )
    _bill(found)
    for sentence in found.get("notices", ()):
        print(f"Note: {printable(sentence)}")
    if found["stopped"]:
        print(f"Stopped: {printable(found['stopped_because'])}")
        print(f"{found['left']:,} texts are left. The same command with more allowed goes on.")


def _known(found: Document) -> str:
    return "hand-labelled" if found.get("judged_by") == "human" else "gold"


def _fairly(found: Document) -> str:
    return ", each by a fit to the others" if found.get("cross_fitted") else ""


def bake_off(found: Document) -> None:
    """``llkd bake-off``."""
    if "candidates" not in found:
        print_job(found)
        return
    for row in found["candidates"]:
        if row.get("error"):
            print(f"{printable(row['name'])}: {printable(row['error'])}")
        if row.get("same_as") is not None:
            twin = found["candidates"][row["same_as"]]["name"]
            print(f"{printable(row['name'])} asks just like: {printable(twin)}")
    rows = [
        {**row, **measure, "money": None if row["money"] is None else f"{row['money']:,.4f}"}
        for row in found["candidates"]
        for measure in row["measures"]
    ]
    if rows:
        print_table(rows, CANDIDATE_COLUMNS)
    if found["best"]:
        print(printable(found["best"]["sentence"]))
    if found["stopped"]:
        print(f"Stopped: {printable(str(found['stopped']))}")


def cache(found: Document) -> None:
    """``llkd cache``."""
    what = f"{found['answers']:,} answers ({found['bytes'] / 1e6:,.1f} MB)"
    print(f"{what} deleted; labels stay." if found["deleted"] else f"{what} kept from teachers.")


def _bill(found: Document) -> None:
    """What the pass has cost so far, where there is something to tell."""
    if found["cached"]:
        print(f"{found['cached']:,} answers were known already and cost nothing.")
    if found["cut"]:
        print(f"{found['cut']:,} texts were too long and lost their middle.")
    if not found["calls"] + found["lost"] + found["refused"]:
        return
    line = (
        f"The bill of this pass: {found['calls']:,} calls, {found['tokens_in']:,} tokens read and "
        f"{found['tokens_out']:,} written"
    )
    if found["money"] is not None:
        line += f", {found['money']:,.4f} spent"
    print(line + ".")
    if found["lost"]:
        unsure = found["unsure_money"]
        worth = f" ({unsure:,.4f})" if unsure is not None else ""
        print(f"In it {found['lost']:,} calls without an answer, counted in full{worth}.")
    if found["refused"]:
        print(f"{found['refused']:,} more were refused by the server and cost nothing.")


def _dry_run(found: Document) -> None:
    for sentence in found.get("notices", ()):
        print(f"Note: {printable(sentence)}")
    for example in found["examples"]:
        print(f"{printable(example['text'])[:100]}")
        sure = shown(example["confidence"], "%")
        known = ", known already" if example["cached"] else ""
        print(f"  → {shown(example['label'])} ({sure}, uncalibrated, {example['source']}{known})")
    estimate = found["estimate"]
    print(f"For the {estimate['texts']:,} texts that are left, about:")
    rows = [
        {"what": what, **dict(zip(("low", "middle", "high"), numbers, strict=True))}
        for what, numbers in (
            ("calls", [round(n) for n in estimate["calls"]]),
            ("tokens read", [round(n) for n in estimate["tokens_in"]]),
            ("tokens written", [round(n) for n in estimate["tokens_out"]]),
            ("minutes", [n / 60 for n in estimate["seconds"]]),
            ("money", estimate["money"] and [f"{n:,.4f}" for n in estimate["money"]]),
        )
        if numbers is not None
    ]
    headings = {key: (key.replace("what", ""), "") for key in ("what", "low", "middle", "high")}
    print_table(rows, headings)
