"""The view of an address that anybody may have typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llkd.config import LabelSet
from llkd.config.selection_rule import from_address, to_address

NAMES = ["roads", "waste"]
TYPED = st.one_of(
    st.text(max_size=12), st.sampled_from(["9" * 5000, "9" * 5000 + ".1", "1." + "9" * 5000, "\u0663.\u0661",
    "\u00b2", "-1", "1e999", "NaN", "Infinity", "[" * 9000, "[1", '{"roads": ' + "9" * 5000 + "}", "1.2.3"])
)  # fmt: skip


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(["tt", "ts", "need", "cal"], TYPED)))
def test_any_address_is_a_view(query):
    view = from_address(query, LabelSet.of(NAMES))
    for threshold in (view.teacher_threshold, view.student_threshold):
        values = threshold.values() if isinstance(threshold, dict) else [threshold]
        assert all(0 <= value <= 1 for value in values)
    assert view.run is None or 0 <= view.run < 10**10
    assert from_address(to_address(view), LabelSet.of(NAMES)) == view


@pytest.mark.parametrize("digits", [5, 11, 5000])
def test_a_number_too_long_for_any_run_is_none(digits):
    view = from_address({"need": "9" * digits + "." + "9" * digits}, LabelSet.of(NAMES))
    assert (view.run, view.epoch) == ((99999, 99999) if digits == 5 else (None, None))
