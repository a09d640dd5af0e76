"""What the commands on whole projects say to a person."""

from __future__ import annotations

from typing import Any

from llkd.cli.output import printable

Document = dict[str, Any]


def rename(document: Document) -> None:
    """The name of before and the one of now."""
    old, new = document["renamed"], document["project"]
    print(printable(f"{old!r} is called {new!r} now; its number and all it holds stay."))


def archive(document: Document) -> None:
    """Where the project went, and how it comes back."""
    name = document["project"]
    if document["archived"]:
        print(
            printable(
                f"{name!r} is archived: lists leave it out, and it keeps everything. Back with: "
                f"llkd archive --restore {name!r}"
            )
        )
    else:
        print(printable(f"{name!r} is in the lists again."))
