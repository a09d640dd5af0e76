"""What jsonb would lose comes back: order, numbers, NUL characters; held against a real server."""

import json
import math

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llkd.store import Store, schema
from llkd.store.engine.exact_json import decoded, encoded

KEYS = st.text(max_size=6) | st.sampled_from(
    ["~", "~order", "~number", "~text", '~"', "\0", "\ud800"]
)
NUMBERS = st.floats() | st.integers(-(2**70), 2**70) | st.sampled_from([-0.0, 1e16, 1e15, 1e-7])
TEXTS = st.text(st.characters(), max_size=6) | st.sampled_from(["a\0", "\udfff", "\\u0000"])
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=15,
)


def written(value):
    """A document as text: tells 1 from 1.0, -0.0 from 0.0, and one order from another."""
    return json.dumps(value)


def as_jsonb_orders(value):
    if isinstance(value, list):
        return [as_jsonb_orders(item) for item in value]
    if not isinstance(value, dict):
        return value
    keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
    return {key: as_jsonb_orders(value[key]) for key in keys}


@given(DOCUMENTS)
def test_there_is_a_way_back(document):
    form = as_jsonb_orders(json.loads(json.dumps(encoded(document), allow_nan=False)))
    assert written(decoded(form)) == written(document)
    assert "\\u0000" not in json.dumps(form).replace("\\\\", "")


def test_what_the_server_gives_back(postgres):
    store = Store()
    events, created = schema.events, 1.0

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(DOCUMENTS, min_size=5, max_size=20))
    def check(documents):
        with store.engine.begin() as connection:
            connection.execute(sa.delete(events))
            rows = [{"created": created, "kind": "t", "detail": each} for each in documents]
            connection.execute(sa.insert(events), rows)
            read = connection.execute(sa.select(events.c.detail).order_by(events.c.id)).scalars()
            assert [written(each) for each in read] == [written(each) for each in documents]

    check()
    store.close()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(-5e9, 5e9), min_size=1, max_size=3))
def test_moments_are_the_same_in_both_to_the_bit(moments):
    column = schema.Moment()
    from sqlalchemy.dialects import postgresql, sqlite

    for moment in moments:
        server, file = postgresql.dialect(), sqlite.dialect()
        there = column.process_result_value(column.process_bind_param(moment, server), server)
        here = column.process_bind_param(moment, file)
        assert there == here and column.process_bind_param(here, file) == here
        assert math.isclose(here, moment, rel_tol=0, abs_tol=2e-6)
