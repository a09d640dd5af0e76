"""A key of an audit: how long until the next text is shown, the answer stored, and confirmed.

    python benchmarks/audit_keys.py [--presses 60] [--apart 400] [--rows 2000]

The app and a real Chromium (Debian: ``apt install chromium``) over an audit of made-up texts. Shown
is the first frame after the key went down in which another text stands on the card; stored is the
moment that the answer carries in the database; confirmed is when the card says so. Needs the
packages of requirements-dev.txt; nothing is kept.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

TARGET_MS = 100
RECORDER = r"""() => {
  const presses = [];
  const text = () => document.querySelector(".llkd-text")?.innerText;
  const words = () => document.querySelector(".llkd-said")?.innerText ?? "";
  const channel = new MessageChannel();
  channel.port1.onmessage = () => {
    const now = performance.now(), last = presses.at(-1);
    if (!last) return;
    if (last.shown === null && text() !== last.text) last.shown = now - last.at;
    if (last.confirmed === null && /Labelled as/.test(words())) last.confirmed = now - last.at;
  };
  const frame = () => { channel.port2.postMessage(0); requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
  addEventListener("keydown", (event) => presses.push({ at: event.timeStamp,
    epoch: performance.timeOrigin + event.timeStamp, text: text(), shown: null,
    confirmed: null }), true);
  window.presses = presses;
}"""


def line(name: str, values: list[float]) -> str:
    """A line of the table: milliseconds."""
    ordered = sorted(values)
    high = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    middle = statistics.median(ordered)
    return f"| {name} | {len(ordered)} | {middle:.0f} | {high:.0f} | {ordered[-1]:.0f} |"


def main() -> None:
    """Read the options, press keys, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presses", type=int, default=60)
    parser.add_argument("--apart", type=float, default=400, help="milliseconds between two keys")
    parser.add_argument("--rows", type=int, default=2000)
    arguments = parser.parse_args()
    from playwright.sync_api import sync_playwright

    from tests.support.browser import FLAGS, Server, chromium, new_context, settled
    from tests.support.seeded_projects import seeded_project

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = Path(folder) / "home"
        store, project = seeded_project(home, arguments.rows)
        server = Server(home).start()
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            page = new_context(browser).new_page()
            page.goto(f"{server.url}/curate")
            page.get_by_role("button", name="Audit what I keep").click(timeout=60_000)
            page.locator(".llkd-goal:not([hidden]) progress").wait_for()
            settled(page)
            page.evaluate(RECORDER)
            page.wait_for_timeout(300)
            for k in range(arguments.presses):
                page.keyboard.press("123"[k * 7 % 3])
                page.wait_for_timeout(arguments.apart)
            page.wait_for_timeout(2000)
            presses = page.evaluate("window.presses")
            [audit] = store.audits.all(project.id)
            answers = store.audits.answers(audit)
        finally:
            browser.close()
            server.stop()
            store.close()
    moments = [1000 * entry.created for entry in answers]
    stored = [m - press["epoch"] for m, press in zip(moments, presses, strict=False)]
    shown = [press["shown"] for press in presses if press["shown"] is not None]
    confirmed = [press["confirmed"] for press in presses if press["confirmed"] is not None]
    print(
        f"{len(presses)} presses, {arguments.apart:.0f} ms apart, {len(answers)} answers stored\n"
    )
    print("| after the key went down | n | median ms | p95 ms | longest ms |")
    print("|---|---:|---:|---:|---:|")
    for name, values in (
        ("next text shown", shown),
        ("answer stored", stored),
        ("confirmed on the card", confirmed),
    ):
        print(line(name, values))
    met = statistics.median(shown) < TARGET_MS and statistics.median(stored) < TARGET_MS
    print(f"\nTarget: shown and stored within {TARGET_MS} ms: {'met' if met else 'not met'}")
    raise SystemExit(len(answers) != len(presses))


if __name__ == "__main__":
    main()
