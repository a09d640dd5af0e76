"""Send an export to a model hub."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llkd.library.exporting import Export
from llkd.library.progress import shown_progress
from llkd.library.wording import python_words


@dataclass(frozen=True)
class Push:
    """What went, or would go: for each repository its files by path with their bytes.

    ``urls`` is empty, and ``sent`` False, for a dry run; ``sent`` is also False where all of it was
    there already.
    """

    files: dict[str, dict[str, int]]
    urls: list[str]
    sent: bool


def push(
    export: Export | str | os.PathLike[str],
    *,
    dataset: str | None = None,
    model: str | None = None,
    public: bool = False,
    dry_run: bool = False,
    progress: bool = True,
) -> Push:
    """Send the data set and the student of an export, with their cards, to a model hub.

    The token is the one saved for the hub (``llkd key set huggingface.co``), or what the hub's own
    client reads (``HF_TOKEN``); the hub is that of ``HF_ENDPOINT``.

    Args:
        export: what :func:`export` returned, or the folder of an export; with the format ``hf``.
        dataset: ``OWNER/NAME`` of the repository for the texts and labels.
        model: ``OWNER/NAME`` of the repository for the student.
        public: let everybody read it; by default a new repository is private, and one that is
            there and public is refused.
        dry_run: only say which files would go.
        progress: show a bar.

    Raises:
        UserError: the hub refuses, cannot be reached, or there is nothing of that kind to send;
            the repository then holds what it held before.
    """
    with python_words():
        from llkd import publishing

        folder = export.folder if isinstance(export, Export) else Path(export).expanduser()
        shipments = publishing.shipments_of(folder.resolve(), dataset, model)
        files = {
            shipment.name: {file.path: file.size for file in shipment.files}
            for shipment in shipments
        }
        if dry_run:
            return Push(files, [], False)
        results: list[dict[str, Any]] = []
        place = publishing.hub_token()
        with shown_progress(progress) as shown:
            for number, shipment in enumerate(shipments):

                def tell(words: str, number: int = number) -> None:
                    shown.progress(number, len(shipments), words)

                results.append(publishing.send(shipment, place, public, tell))
        return Push(
            files,
            [str(result["url"]) for result in results],
            any(result["sent"] for result in results),
        )
