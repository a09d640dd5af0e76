"""The price table: what was typed, whole or not at all."""

import pytest

from llkd.errors import ConfigError, StoreError
from llkd.store import Price, Store


@pytest.fixture
def prices(home):
    return Store(home).prices


def test_it_starts_empty_and_keeps_what_was_typed(prices, home):
    assert prices.all() == []
    assert prices.of("m") is None
    table = [Price("m", 0.15, 0.6), Price("n/ü", 0, 0)]
    prices.set(table)
    assert Store(home).prices.all() == table
    assert prices.of("n/ü") == table[1]
    prices.set([])
    assert prices.all() == []


@pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf"), "1", None, True])
def test_a_price_is_a_number(wrong):
    with pytest.raises(ConfigError, match="numbers of 0 or more"):
        Price("m", 1, wrong)


def test_a_model_is_named_and_stands_once(prices):
    with pytest.raises(ConfigError, match="needs the name"):
        Price(" ", 1, 1)
    with pytest.raises(ConfigError, match="'m' stands twice"):
        prices.set([Price("m", 1, 1), Price("m", 2, 2)])
    assert prices.all() == []


@pytest.mark.parametrize(
    "content", ["", "{", "7", '[{"model": "m"}]', '[{"model": "m", "price_in": -1, "price_out": 1}]'
                , '["m"]', '{"m": 1}', "[null]"],
)  # fmt: skip
def test_a_damaged_table_says_what_to_do(prices, home, content):
    (home / "prices.json").write_text(content)
    with pytest.raises(StoreError, match="Mend or delete the file"):
        prices.all()
