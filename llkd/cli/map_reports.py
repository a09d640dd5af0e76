"""What the commands on a map say to a person."""

from __future__ import annotations

from typing import Any

from llkd.cli.output import print_job, print_table, printable, shown

Document = dict[str, Any]
TOPIC_COLUMNS = {"topic": ("topic", ""), "texts": ("texts", ""), "words": ("typical words", "")}


def map_texts(document: Document) -> None:
    """What stands on the map, how long it took, and its topics."""
    if "placed" not in document:
        print_job(document)
        return
    texts, seconds = document["texts"], document["seconds"]["all"]
    if document["fresh"]:
        by = f" by the embeddings of {document['student']}" if document["student"] else ""
        print(printable(f"{texts:,} texts mapped{by} in {seconds:,.0f} s."))
        if document["fitted"] < texts:
            print(f"{document['fitted']:,} of them made the map; the others stand among them.")
    elif document["placed"]:
        print(f"{document['placed']:,} texts placed on the map; the others stand where they stood.")
    else:
        print("Every text stands on the map already. A new one: --again")
    topics(document["topics"])


def suggest(document: Document) -> None:
    """Topics with a text each, or the classes that were made of them."""
    if document["applied"]:
        names = ", ".join(map(repr, document["added"]))
        print(printable(f"{len(document['added']):,} new classes: {names}."))
        print("Describe them better with: llkd classes PROJECT --describe NAME WORDS")
        return
    if document["notice"]:
        print(printable(document["notice"]))
    topics(document["topics"])
    for row in document["topics"]:
        if row["examples"]:
            print(printable(f"{row['topic'] + 1}: {row['name']} - {row['examples'][0]}"))
    print("Make classes of them: --all, or --use N[=NAME] for each; one name twice is one class.")


def topics(rows: list[dict[str, Any]]) -> None:
    """A table of topics."""
    if rows:
        print_table(
            [
                {
                    "topic": row["topic"] + 1,
                    "texts": f"{row['texts']:,} ({shown(row['share'], '%')})",
                    "words": printable(", ".join(row["words"])),
                }
                for row in rows
            ],
            TOPIC_COLUMNS,
        )
