"""Pages run by AppTest, and what a reader sees on them."""

from __future__ import annotations

import functools
import json
import uuid
from pathlib import Path

from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from ui.shell.wording import unplain

# Each AppTest looks through the metadata of every installed package for components: four fifths
# of the time of opening a page, and the answer never changes.
manifest_scanner.scan_component_manifests = functools.cache(
    manifest_scanner.scan_component_manifests
)
ROOT = Path(__file__).resolve().parents[2]


def opened(page: str = "data", **query: str) -> AppTest:
    """The app on the page of that name, with query parameters.

    Switched to even where it is the first page: on AppTest's very first run Streamlit does not
    know the page yet, and the first click would be lost as a click on another page.
    """
    app = _app(ROOT / "app.py")
    app.query_params.update(query)
    app.run()
    app.query_params.update(query)
    app.switch_page(f"pages/{page}.py").run()
    # And on a page's first run its widgets have other identities than on those to come.
    return app.run()


def direct(page: str, **query: str) -> AppTest:
    """The page's own file, run as its address on a fresh server runs it."""
    app = _app(ROOT / "pages" / f"{page}.py")
    app.query_params.update(query)
    return app.run()


def _app(file: Path) -> AppTest:
    """AppTest always runs a page past the router; the rerun that mends that would lose a click."""
    app = AppTest.from_file(str(file), default_timeout=60)
    app.session_state["_routed_again"] = True
    return app


def words(app: AppTest) -> str:
    """Everything a reader sees as text, markup escapes removed, one element a line."""
    shown = []
    for element in [*app.main, *app.sidebar]:
        for part in (getattr(element, "label", None), getattr(element, "value", None)):
            if isinstance(part, str):
                shown.append(unplain(part))
    return "\n".join(shown)


def said(elements) -> str:
    """The words of these elements (``app.error``), as a reader sees them."""
    return "\n".join(unplain(str(element.value)) for element in elements)


def button(app: AppTest, label: str):
    """The button with this label. Fails naming those there are."""
    for one in app.button:
        if one.label == label:
            return one
    raise AssertionError(f"no button {label!r}, only {[one.label for one in app.button]}")


def card_data(app: AppTest) -> dict:
    """What the browser is given to show one by one."""
    [proto] = [
        one.proto
        for one in app.main
        if one.type == "bidi_component" and one.proto.component_name == "llkd_review_card"
    ]
    return json.loads(proto.json)


def press(app: AppTest, *acts: tuple[str, str | None], at: int | None = None) -> list[str]:
    """As if these keys were pressed in the browser, one text after the other from place ``at``.

    Acts are (label, NAME), (exclude, None) or (undo, TARGET). Returns the names of the presses.
    """
    data = card_data(app)
    place = data["at"] if at is None else at
    told = []
    for action, value in acts:
        card = data["cards"][min(place, data["total"] - 1) - data["start"]]
        one = {"id": uuid.uuid4().hex[:20], "row": card["row"], "do": action}
        told.append({**one, "target" if action == "undo" else "label": value})
        place += action != "undo"
    app.session_state[data["key"]] = {
        "told": {"list": data["list"], "at": place, "presses": told, "attempt": 0}
    }
    app.run()
    return [one["id"] for one in told]
