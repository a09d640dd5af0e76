"""Commands on a home as a whole. They work without opening it, for it may be damaged."""

from __future__ import annotations

from argparse import Namespace

from llkd.cli.actions.given import Document


def doctor(given: Namespace) -> Document:
    """``llkd doctor``."""
    from llkd import upkeep

    look = upkeep.mend if given.mend else upkeep.examine
    return look(given.home, deep=given.deep).document()


def backup(given: Namespace) -> Document:
    """``llkd backup``."""
    from llkd import upkeep

    return upkeep.backup(given.home, given.folder)
