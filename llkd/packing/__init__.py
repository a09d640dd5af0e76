"""A project as one file: out of a home, and into another; and a second one like it here.

:func:`pack` writes the file, :func:`unpack` takes it in, whole or not at all; :func:`duplicate` is
both in one home, without a file. docs/projects.md says what goes along, docs/decisions/packing.md
why the file is as it is.
"""

from llkd.packing.duplicates import duplicate
from llkd.packing.packer import pack
from llkd.packing.unpacker import unpack

__all__ = ["duplicate", "pack", "unpack"]
