"""Commands on a home as a whole. They work without opening it, for it may be damaged."""

from __future__ import annotations

from argparse import Namespace

from llkd.cli.actions.jobs import Document


def doctor(arguments: Namespace) -> Document:
    """``llkd doctor``."""
    from llkd import maintenance

    look = maintenance.mend if arguments.mend else maintenance.examine
    return look(arguments.home, deep=arguments.deep).document()


def backup(arguments: Namespace) -> Document:
    """``llkd backup``."""
    from llkd import maintenance

    return maintenance.backup(arguments.home, arguments.folder)
