"""Commands on a home as a whole. They work without opening it, for it may be damaged."""

from __future__ import annotations

from argparse import Namespace

from llkd.cli.actions.jobs import Document
from llkd.errors import UserError
from llkd.store.objects.address import is_object_address


def doctor(arguments: Namespace) -> Document:
    """``llkd doctor``."""
    from llkd import maintenance

    if arguments.at is not None:
        if arguments.mend:
            raise UserError("--mend is for a home; what lies at --at is only looked at.")
        return maintenance.examine_objects(arguments.at, deep=arguments.deep)
    look = maintenance.mend if arguments.mend else maintenance.examine
    return look(arguments.home, deep=arguments.deep).document()


def backup(arguments: Namespace) -> Document:
    """``llkd backup``."""
    from llkd import maintenance

    if is_object_address(arguments.folder):
        return maintenance.backup_to(arguments.home, arguments.folder)
    return maintenance.backup(arguments.home, arguments.folder)


def restore(arguments: Namespace) -> Document:
    """``llkd restore``."""
    from llkd import maintenance

    return maintenance.restore(arguments.address, arguments.folder)
