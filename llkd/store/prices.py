"""What models cost: a small table that the user types, kept as one file in the home.

It starts empty: prices change, and a wrong one would be worse than none.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from llkd.errors import ConfigError, StoreError
from llkd.store.home import Home, atomic_file


@dataclass(frozen=True)
class Price:
    """Prices of a million tokens, in any one currency, of the model that ``api:<model>`` names.

    One that is paid for what it reads alone is named as a teacher, ``systemone:<model>``.

    Raises ConfigError for a price that is no number of 0 or more, or a model without a name.
    """

    model: str
    price_in: float
    price_out: float

    def __post_init__(self) -> None:
        """Check the values."""
        if not isinstance(self.model, str) or not self.model.strip():
            raise ConfigError(f"A price needs the name of its model, but it was {self.model!r}.")
        for value in (self.price_in, self.price_out):
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not math.isfinite(value) or value < 0:
                raise ConfigError(
                    f"The prices of {self.model!r} are numbers of 0 or more, but one was {value!r}."
                )


class Prices:
    """The table of one home."""

    def __init__(self, home: Home) -> None:
        self._path = home.prices

    def all(self) -> list[Price]:
        """Every price, in the order they were set. Raises StoreError where the file is damaged."""
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            return [Price(**entry) for entry in content]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, ConfigError) as error:
            raise StoreError(
                f"The price table {self._path} cannot be read ({error}). Mend or delete the file; "
                "until then give prices with --price-in and --price-out."
            ) from error

    def set(self, prices: Iterable[Price]) -> None:
        """Replace the table. Raises ConfigError where a model stands twice."""
        table = list(prices)
        names = [price.model for price in table]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ConfigError(f"The price of a model is given once, but {twice!r} stands twice.")
        content = json.dumps([asdict(price) for price in table], indent=2)
        with atomic_file(self._path) as temporary:
            temporary.write_text(content + "\n", encoding="utf-8")

    def of(self, model: str) -> Price | None:
        """The price of one model, or None where it is not listed."""
        return next((price for price in self.all() if price.model == model), None)
