"""How an import, or what one would do, is shown to a person."""

from __future__ import annotations

from typing import Any

from llkd.cli.output import print_job, print_table, printable, shown
from llkd.datasets.wording import count

_FILES = 20
_REASONS = {"near_duplicate": "near-duplicate"}


def show(document: dict[str, Any]) -> None:
    """Counts, files, lengths and languages, then what to look at."""
    where = (
        "would be kept; nothing was stored" if document["project"] is None else "kept in project"
    )
    name = "" if document["project"] is None else f" {document['project']!r}"
    print(f"{document['kept']:,} of {document['rows']:,} records {where}{name}.")
    dropped = [f"{rows:,} {_REASONS.get(why, why)}" for why, rows in document["dropped"].items()]
    if dropped:
        print(f"Left out: {', '.join(dropped)}.")
    _near(document)
    if document["gold"]:
        print(f"{document['gold']:,} have a gold label; {document['held_out']:,} are held out.")
    show_files(document["files"])
    show_statistics(document["statistics"])
    for warning in document["warnings"]:
        print(f"Note: {printable(warning)}")
    classes = ", ".join(printable(label) for label in document["labels"])
    print(f"Classes: {classes or 'not set yet (llkd label … --labels a,b,c)'}")


def annotated(document: dict[str, Any]) -> None:
    """What people's labels were taken from a tool's file."""
    verb = "would be taken; nothing was stored" if document["dry_run"] else "taken"
    people = count(len(document["people"]), "person", "people")
    print(
        printable(
            f"{count(document['added'], 'label')} of {people} {verb}, from {document['tool']}'s "
            f"question {document['question']!r}."
        )
    )
    if document["known"]:
        print(f"{document['known']:,} were there already.")
    if document["unmatched"]:
        print(f"{document['unmatched']:,} are of texts that the project does not hold.")
    for warning in document["warnings"]:
        print(f"Note: {printable(warning)}")


def near_duplicates(document: dict[str, Any]) -> None:
    """What the search for near-duplicates found, or the job that looks for them."""
    if "groups" not in document:
        print_job(document)
        return
    if not document["texts"]:
        print(f"None of {document['rows']:,} texts nearly repeats another one.")
    _near({"near_duplicates": document, "dropped": {}})


def _near(document: dict[str, Any]) -> None:
    near = document["near_duplicates"]
    if "near_duplicates_job" in document:
        print(
            f"Near-duplicates are being looked for in the background, as job "
            f"{document['near_duplicates_job']}; the result is shown by: llkd near-duplicates "
            f"{document['project']!r}"
        )
    if near is None or not near["texts"]:
        return
    gone = "near_duplicate" in document["dropped"]
    groups = "group" if near["groups"] == 1 else "groups"
    repeat = "text nearly repeats" if near["texts"] == 1 else "texts nearly repeat"
    print(
        f"{near['texts']:,} {repeat} an earlier one (in {near['groups']:,} {groups}; Jaccard "
        f"similarity {near['threshold']} or more): "
        f"{'left out' if gone else 'kept; --near-duplicates drop leaves them out'}."
    )


def show_files(files: list[dict[str, Any]]) -> None:
    """Of several files a table."""
    if len(files) < 2:
        return
    columns = {"name": ("file", ""), "format": ("format", ""), "rows": ("records", "")}
    print_table(files[:_FILES], {**columns, "kept": ("kept", "")})
    if len(files) > _FILES:
        print(f"… and {len(files) - _FILES:,} more files.")


def show_statistics(document: dict[str, Any]) -> None:
    """Lengths, languages, and how much models will cut."""
    rows = [{"": what, **document[what]} for what in ("characters", "words")]
    print_table(rows, {key: (key, "") for key in rows[0]})
    languages = ", ".join(f"{name} {shown(share, '%')}" for name, share in _most(document))
    guessed = count(document["languages_from"], "text")
    print(f"Languages, guessed from {guessed}: {languages}.")
    for cut in document["cut"]:
        if cut["share"] > 0:
            print(
                f"About {shown(cut['share'], '%')} are longer than the {cut['tokens']:,} tokens "
                f"that a {cut['model']} usually reads; they are kept whole and cut only for it."
            )


def _most(document: dict[str, Any]) -> list[tuple[str, float]]:
    """The five most frequent languages."""
    return list(document["languages"].items())[:5]
