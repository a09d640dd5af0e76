"""Messages to a shop, made up of parts, whose class is known because they were made for it."""

from __future__ import annotations

import random

CLASSES = {
    "delivery": "a parcel that is late, lost or damaged on its way",
    "payment": "a bill, a card that was charged, money that is to come back",
    "account": "signing in, a password, an e-mail address, a user name",
}
_PARTS = {
    "delivery": (
        ("My parcel", "The package with my shoes", "The courier's box", "My order"),
        ("has not arrived", "was left in the rain by the courier", "is lost in transit",
         "arrived damaged", "has been in the depot for days"),
    ),
    "payment": (
        ("My credit card", "My bank account", "The invoice", "My refund"),
        ("was charged twice", "shows a payment I did not make", "has a wrong amount to pay",
         "is missing money that you owe me", "was billed in another currency"),
    ),
    "account": (
        ("My password", "My login", "My user name", "The sign-in page"),
        ("does not work any more", "was reset without my asking", "is rejected",
         "belongs to an old e-mail address", "locks me out of my profile"),
    ),
}  # fmt: skip
_ENDS = ("please help", "what can I do", "this is urgent", "for the second time", "since Monday")


def messages(number: int, seed: int = 0) -> dict[str, str]:
    """So many different texts, and the class of each."""
    draw = random.Random(seed)
    texts: dict[str, str] = {}
    while len(texts) < number:
        name = draw.choice(list(CLASSES))
        subject, trouble = (draw.choice(parts) for parts in _PARTS[name])
        text = f"{subject} {trouble}, {draw.choice(_ENDS)} (case {draw.randrange(10_000)})"
        texts[text] = name
    return texts
