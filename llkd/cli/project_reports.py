"""What the commands on whole projects say to a person."""

from __future__ import annotations

from typing import Any

from llkd.cli.output import print_job, printable

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


def duplicate(document: Document) -> None:
    """What there is twice now."""
    if "of" not in document:
        print_job(document)
        return
    name, of = document["project"], document["of"]
    print(printable(f"{name!r} holds all that {of!r} holds: {document['texts']:,} texts."))


def pack(document: Document) -> None:
    """Which file holds the project, what is not in it, and how it is taken in."""
    if "file" not in document:
        print_job(document)
        return
    size = max(0.1, document["bytes"] / 2**20)
    print(
        printable(
            f"{document['project']!r}: {document['texts']:,} texts, {size:,.1f} MiB, packed to:"
        )
    )
    print(f"  {printable(document['file'])}")
    if "embeddings" in document["left_out"]:
        print("Left out: embeddings. Where it is unpacked they are made again by: llkd probe")
    print(f"Its contents have the SHA-256 {document['sha256']}.")
    print("It holds your texts and labels, and no key of a server. Elsewhere: llkd unpack FILE")


def unpack(document: Document) -> None:
    """Which project there is now."""
    if "packed_as" not in document:
        print_job(document)
        return
    print(printable(f"{document['project']!r} is there: {document['texts']:,} texts."))
    print(f"Its contents have the SHA-256 {document['sha256']}.")
    if "embeddings" in document["left_out"]:
        print(
            printable(
                f"Its embeddings were left out. Make them with: llkd probe {document['project']!r}"
            )
        )
