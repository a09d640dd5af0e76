"""The colours of the pages: those of the charts, so that a class looks the same everywhere."""

from llkd.charts.palette import KEPT, NOT_KEPT, RIGHT, WRONG, class_colour, class_colours

__all__ = ["KEPT", "NOT_KEPT", "RIGHT", "WRONG", "class_colour", "class_colours"]
