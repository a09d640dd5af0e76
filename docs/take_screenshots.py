"""Take the pictures of the README: ``python docs/take_screenshots.py HOME PROJECT``.

HOME is one in which ``llkd demo --home HOME`` has run; PROJECT is ``demo``. Needs Chromium and the
packages of requirements-dev.txt.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402

from tests.support.browser import FLAGS, Server, chromium, new_context, settled  # noqa: E402

SHOTS = {"plane": ("curate", {"tt": "0.45", "ts": "0.5"})}


def main() -> None:
    """Start the app on the home, look at each page, and end it."""
    home, project = Path(sys.argv[1]).resolve(), sys.argv[2]
    server = Server(home).start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
            page = new_context(browser, viewport={"width": 1440, "height": 1060}).new_page()
            for name, (address, query) in SHOTS.items():
                page.goto(f"{server.url}/{address}?{urlencode({'project': project, **query})}")
                settled(page, "Kept")
                time.sleep(3)  # charts draw after the script has ended
                page.screenshot(path=ROOT / "docs" / f"{name}.png")
            browser.close()
    finally:
        server.stop()


if __name__ == "__main__":
    main()
