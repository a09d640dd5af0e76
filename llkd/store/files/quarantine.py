"""Where things go that belong to nothing but may be somebody's work: aside, not away."""

from __future__ import annotations

import os
import time
from pathlib import Path

from llkd.errors import StoreError
from llkd.store.files.permissions import make_folder, mode_in, opener
from llkd.store.home import Home


class Quarantine:
    """``<home>/quarantine/<date>/``: where things are moved to, under the path they had."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self.folder: Path | None = None

    def move(self, path: Path, why: str) -> Path:
        """Move a file or folder here and note why. Raises StoreError where it cannot be moved."""
        try:
            folder = self._folder_made()
            target = folder / path.relative_to(self._home.root)
            make_folder(target.parent)
            os.replace(path, target)
            with open(folder / "NOTE.txt", "a", encoding="utf-8", opener=opener) as note:
                note.write(f"{path.relative_to(self._home.root)}: {why}\n")
        except OSError as error:
            raise StoreError(f"Cannot move {path}: {error.strerror}.") from error
        return target

    def keep(self, name: str, text: str, why: str) -> Path:
        """Write what is taken out of a record here and note why. Raises StoreError."""
        try:
            target = self._folder_made() / "records" / f"{name}.txt"
            make_folder(target.parent)
            target.write_text(text, encoding="utf-8", errors="surrogatepass")
            target.chmod(mode_in(target.parent))
            with open(
                self._folder_made() / "NOTE.txt", "a", encoding="utf-8", opener=opener
            ) as note:
                note.write(f"records/{target.name}: {why}\n")
        except OSError as error:
            raise StoreError(f"The value of {name} cannot be kept: {error.strerror}.") from error
        return target

    def _folder_made(self) -> Path:
        if self.folder is None:
            stamp, attempt = time.strftime("%Y-%m-%d-%H%M%S"), 1
            folder = self._home.root / "quarantine" / stamp
            while folder.exists():
                attempt += 1
                folder = folder.with_name(f"{stamp}-{attempt}")
            make_folder(folder)
            self.folder = folder
        return self.folder
