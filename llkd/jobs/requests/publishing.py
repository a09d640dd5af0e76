"""Requests that send something out of the home: to a model hub."""

from __future__ import annotations

from typing import ClassVar, Literal

from llkd.config.selection_rule import EVERYTHING, SavedRule, SelectionRule
from llkd.jobs.requests.base import ProjectRequest, rule_flags, value_flags


class PushRequest(ProjectRequest):
    """Send what a rule keeps and the student of its run to repositories of a hub.

    ``dataset`` and ``model`` are ``OWNER/NAME`` or None; ``folder`` is a finished export that goes
    as it is, in place of one that is made of the rule; ``columns`` None are the usual ones.
    ``dry_run`` sends nothing.
    """

    kind: Literal["push"] = "push"
    dataset: str | None = None
    model: str | None = None
    public: bool = False
    dry_run: bool = False
    folder: str | None = None
    rule: SelectionRule = EVERYTHING
    onnx: bool = False
    columns: tuple[str, ...] | None = None
    validation: float = 0.0
    seed: int = 0

    verb: ClassVar[str] = "push"

    @property
    def title(self) -> str:
        """What lists call it."""
        names = " and ".join(name for name in (self.dataset, self.model) if name)
        return f"{'Look at what goes' if self.dry_run else 'Push'} to {names or 'a hub'}"

    @property
    def device(self) -> str | None:
        """None."""
        return None

    @property
    def run_numbers(self) -> frozenset[int]:
        """The run whose texts or student it takes."""
        run = None if isinstance(self.rule, SavedRule) else self.rule.run
        return frozenset() if run is None else frozenset({run})

    @property
    def selection_names(self) -> frozenset[str]:
        """The saved selection that it sends."""
        return frozenset({self.rule.name}) if isinstance(self.rule, SavedRule) else frozenset()

    def flags(self) -> list[str]:
        """The flags of ``llkd push``."""
        columns = None if self.columns is None else ",".join(self.columns) or "none"
        return [
            *value_flags(
                dataset=self.dataset,
                model=self.model,
                public=self.public,
                dry_run=self.dry_run,
                columns=columns,
                validation=self.validation or None,
                seed=self.seed if self.validation else None,
                onnx=self.onnx,
            ),
            *([] if self.folder is None else [f"--from={self.folder}"]),
            *rule_flags(self.rule),
        ]
