"""What probes answered for a project's texts: the quick estimate of the student's uncertainty."""

from __future__ import annotations

from pathlib import Path

from llkd.store.home import Home, atomic_file


class Probes:
    """The probes' probabilities of one home, as ``store.files.probabilities`` writes them."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def path(self, project_id: int, key: str) -> Path:
        """Where a probe's probabilities lie, by everything they depend on."""
        return self._folder(project_id) / f"{key}.parquet"

    def exported(self, project_id: int, sha256: str) -> Path:
        """Where signals that an export rests on stay, by their sum."""
        return self.path(project_id, f"kept-{sha256}")

    def keep(self, project_id: int, sha256: str, signals: Path) -> None:
        """Keep a copy of signals that an export rests on. Raises FileNotFoundError."""
        path = self.exported(project_id, sha256)
        if not path.exists():
            with atomic_file(path) as temporary:
                temporary.write_bytes(signals.read_bytes())

    def remove_older(self, project_id: int, labeling_run: int, calibration: str) -> None:
        """Let go of the answers that rest on fewer labels of the same labeling run."""
        for path in self._folder(project_id).glob(f"{labeling_run}-*-{calibration}*-*.parquet"):
            path.unlink(missing_ok=True)

    def all(self, project_id: int) -> list[Path]:
        """Every file there is."""
        return sorted(self._folder(project_id).glob("*.parquet"))

    def _folder(self, project_id: int) -> Path:
        return self._home.project(project_id) / "probes"
