"""What the sidebar says of a step."""

import pytest

from ui.shell.steps import RUNNING, TO_DO, Progress


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.0, "0"), (0.43, "43"), (1040 / 1042, "99.8"), (999_999 / 1_000_000, "99.9")],
)
def test_a_part_is_never_all(share, shown):
    assert Progress(TO_DO, share).words == f"{shown}\u00a0% done"
    assert Progress(RUNNING, share).words == f"running {shown}\u00a0%"
