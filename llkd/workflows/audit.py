"""Blind audits as a stage; the functions lie where the pages may import them, too."""

from llkd.evaluation.audits import *  # noqa: F403
from llkd.evaluation.audits import __all__ as __all__
