"""What the commands that send something out say to a person."""

from __future__ import annotations

import shlex
from typing import Any

from llkd.cli.output import print_job, printable
from llkd.exporting.markup import size

Document = dict[str, Any]


def push(document: Document) -> None:
    """Which files go, or went, where."""
    if "shipments" not in document:
        print_job(document)
        return
    who = "everybody can read them" if document["public"] else "private"
    if document["dry_run"]:
        print(f"Nothing was sent. To {printable(document['hub'])} would go ({who}):")
    for shipment in document["shipments"]:
        _shipment(shipment)
    if document["dry_run"]:
        flags = " ".join(
            f"--{shipment['kind']} {shlex.quote(shipment['repository'])}"
            for shipment in document["shipments"]
        )
        public = " --public" if document["public"] else ""
        print(
            printable(
                f"Send just these: llkd push {shlex.quote(document['project'])} --from "
                f"{shlex.quote(document['folder'])} {flags}{public}"
            )
        )
        return
    for result in document["pushed"]:
        words = "Pushed to" if result["sent"] else "All of it was there already:"
        visibility = "private" if result["private"] else "public"
        print(printable(f"{words} {result['url']} ({visibility})"))


def track(document: Document) -> None:
    """Where the run stands in the tracking server."""
    if "url" not in document:
        print_job(document)
        return
    words = "is tracked" if document["new"] else "was there already, and is complete,"
    print(printable(f"Run {document['run_here']} {words} in {document['experiment']!r}:"))
    print(printable(f"  {document['url']}"))
    for job in document.get("resumed", ()):
        print(f"Job {job} tries again, which the server could not be told of before.")


def tracking(document: Document) -> None:
    """Which jobs tell a tracking server of runs; nothing where none was wanted."""
    for job in document.get("tracking_jobs", ()):
        print(f"Job {job} tells the tracking server. If it cannot: llkd resume {job}")


def _shipment(shipment: Document) -> None:
    noun = "data set" if shipment["kind"] == "dataset" else "model"
    files = shipment["files"]
    print(
        printable(
            f"{noun} {shipment['repository']}: {len(files):,} files, {size(shipment['bytes'])}"
        )
    )
    for file in files:
        print(printable(f"  {size(file['bytes']):>10}  {file['path']}"))
    for remark in shipment["remarks"]:
        print(printable(f"  Note: {remark}"))
