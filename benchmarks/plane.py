"""How fast Curate is on n texts, on the plane and on the map, and a Plotly chart beside it.

    python benchmarks/plane.py [--rows 100000] [--classes 4] [--repeats 10] [--no-plotly]

Makes a project of n texts of about 100 bytes in a temporary home (signals and places on the map are
drawn, not computed: no model runs), starts the app, and drives the Curate page in a real Chromium,
first on the plane, then on the map. Figures are medians. Then a Streamlit page with a Plotly
scattergl chart of the same signals is driven in the same way. Needs Chromium and the packages of
requirements-dev.txt. Prints a table; nothing is kept.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import secrets
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from playwright.sync_api import Browser, Page, sync_playwright
from scipy.cluster.hierarchy import ward

ROOT = Path(__file__).resolve().parents[1]
TOKEN = secrets.token_urlsafe()
sys.path.insert(0, str(ROOT))

from llkd.config import LabelSet, TeacherConfig  # noqa: E402
from llkd.curation.maps.pool_map import MAP_VERSION  # noqa: E402
from llkd.store import Project, Scores, Store  # noqa: E402
from llkd.store.derived.maps import StoredMap  # noqa: E402
from llkd.store.files.probabilities import write_probabilities  # noqa: E402

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WORDS = np.array(
    "street light water bridge market school garden winter council report train museum".split()
)
ROOTS = """() => {
  const host = [...document.querySelectorAll('*')].find(e => e.shadowRoot?.querySelector('.plane'));
  window.plane = host.shadowRoot.querySelector('.plane');
}"""
# From a moved pointer to the count being another: what a person sees while dragging.
MOVED = """() => new Promise(done => {
  const kept = window.plane.querySelector('.kept'), before = kept.textContent;
  let from = 0;
  const once = {capture: true, once: true};
  window.addEventListener('pointermove', e => { from ||= e.timeStamp; }, once);
  new MutationObserver((_, seen) => {
    if (kept.textContent === before) return;
    seen.disconnect();
    requestAnimationFrame(() => done(performance.now() - from));
  }).observe(kept, {characterData: true, childList: true, subtree: true});
})"""
# From a moved pointer to the picture that answers it.
PAINTED = """() => new Promise(done => {
  let from = 0;
  const once = {capture: true, once: true};
  window.addEventListener('pointermove', e => { from ||= e.timeStamp; }, once);
  new MutationObserver((_, seen) => {
    if (!from) return;
    seen.disconnect();
    requestAnimationFrame(() => done(performance.now() - from));
  }).observe(window.plane, {attributes: true, attributeFilter: ['data-frame']});
})"""
# From a key in a threshold's field to the count being another.
TYPED = MOVED.replace("pointermove", "keydown")
# From the release of the pointer to another text on the page (the table's count of rows).
WHAT_IS_DRAWN = """wanted => new Promise(done => {
  const read = () => [...document.querySelectorAll('[data-testid=stCaptionContainer]')]
    .map(e => e.textContent).find(t => t.startsWith(wanted)) ?? '';
  const before = read();
  let from = 0;
  window.addEventListener('pointerup', e => { from = e.timeStamp; }, {capture: true, once: true});
  const timer = setInterval(() => {
    const now = read();
    if (from && now && now !== before) { clearInterval(timer); done(performance.now() - from); }
  }, 2);
})"""


def make_project(home: Path, rows: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """A labelled project with the probe's signals and a map; returns both signals of every row."""
    rng = np.random.default_rng(0)
    names = [f"class {k + 1}" for k in range(classes)]
    words = WORDS[rng.integers(0, len(WORDS), (rows, 14))]
    texts = [f"{k} {' '.join(line)}"[:100] for k, line in enumerate(words.tolist())]
    truth = rng.integers(0, classes, rows)
    store = Store(home)
    project = store.projects.create(
        "bench",
        pd.DataFrame(
            {
                "id": [str(k) for k in range(rows)],
                "text": texts,
                "gold": np.array(names)[truth],
                "split": "pool",
            }
        ),
        source="bench",
        report={"rows": rows, "kept": rows, "dropped": {}, "labels": names, "warnings": []},
        label_set=LabelSet.of(names),
    )
    labeling_run = store.labeling_runs.find_or_create(
        project.id,
        label_set=LabelSet.of(names),
        config=TeacherConfig(),
        fingerprint="bench",
        teacher={"kind": "embedded", "name": "bench"},
        calibration="none",
    )
    label = np.where(rng.random(rows) < 0.85, truth, rng.integers(0, classes, rows))
    teacher = _answers(rng, label, classes, 1 - 0.75 * rng.beta(1.1, 3.5, rows))
    store.labeling_runs.append(
        labeling_run,
        Scores(
            np.arange(rows),
            np.log(teacher).astype(np.float32),
            np.full(rows, -1),
            np.full(rows, "logprob", dtype=object),
            np.full(rows, None, dtype=object),
        ),
    )
    store.projects.use_labelling(project.id, labeling_run.id)
    student = _answers(rng, truth, classes, 1 - 0.75 * rng.beta(2.0, 1.6, rows))
    key = f"{store.labeling_runs.version(labeling_run)}-none-none"
    write_probabilities(store.probes.path(project.id, key), np.arange(rows), student)
    write_map(store, store.projects.get("bench"), rng)
    store.close()
    from llkd import curation

    frame = curation.load_plane(Store(home), Store(home).projects.get("bench")).frame
    return frame["confidence"].to_numpy(), frame["information_need"].to_numpy()


def write_map(store: Store, project: Project, rng: np.random.Generator) -> None:
    """Thirty groups of texts as a layout would give them, some round, some long, ten topics."""
    groups = 30
    group = rng.integers(0, groups, project.rows)
    middles = rng.uniform(-0.8, 0.8, (groups, 2))
    sizes = rng.uniform(0.02, 0.09, (groups, 2))
    places = middles[group] + rng.normal(size=(project.rows, 2)) * sizes[group]
    centres = rng.normal(size=(groups, 16))
    each = np.bincount(group, minlength=groups)
    store.maps.write(
        project.id,
        StoredMap(
            coordinates=np.clip(places, -1, 1),
            group=group,
            fitted=np.arange(min(project.rows, 100_000)),
            centres=centres,
            group_texts=each,
            tree=ward(centres),
            examples=np.full((groups, 1), -1),
            counts=rng.integers(0, 100, (groups, len(WORDS))),
            counted=each,
            vocabulary=tuple(map(str, WORDS)),
            texts=project.digest,
            student=None,
            student_sha256=None,
            seed=0,
            version=MAP_VERSION,
            topics=10,
        ),
    )


def _answers(rng, label, classes, top):
    """Probabilities ``[n, C]`` with about ``top`` for the chosen class."""
    rest = rng.random((len(label), classes)) + 0.05
    rest[np.arange(len(label)), label] = 0
    rest *= (1 - top)[:, None] / rest.sum(axis=1, keepdims=True)
    rest[np.arange(len(label)), label] = top
    return np.clip(rest, 1e-9, 1).astype(np.float64)


@contextlib.contextmanager
def served(script: str, **environment: str):
    """A Streamlit server of that script; gives its address and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", script, f"--server.port={port}"],
        cwd=ROOT,
        env={**os.environ, "LLKD_TOKEN": TOKEN, **environment, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield url, psutil.Process(process.pid)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def curate(page: Page, url: str, repeats: int, pane: str) -> dict[str, list[float]]:
    """Drive Curate, on its plane or its map; milliseconds by what was waited for."""
    times: dict[str, list[float]] = {}
    opened = f"{url}/curate?tt=0.6&ts=0.2&pane={pane}"
    ready = f".plane[data-ready=yes][data-kind={pane}][data-frame]"
    for k in range(4):
        started = time.perf_counter()
        page.goto(opened)
        page.locator(ready).wait_for(timeout=300_000)
        name = "first paint, nothing cached" if k == 0 else "first paint, data cached"
        times.setdefault(name, []).append(1000 * (time.perf_counter() - started))
        page.get_by_text(re.compile("^Kept by these thresholds")).wait_for(timeout=300_000)
    rest(page)
    page.evaluate(ROOTS)
    if pane == "plane":
        drag_line(page, repeats, times)
    type_threshold(page, repeats, times)
    move_view(page, repeats, times)
    lasso(page, repeats, times)
    switch(page, times, "map" if pane == "plane" else "plane")
    return times


def drag_line(page: Page, repeats: int, times: dict[str, list[float]]) -> None:
    """Drag a threshold line, and let it go."""
    teacher = page.get_by_role("slider", name="Teacher threshold")
    for k in range(repeats):
        box = teacher.locator("b").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2 + 60
        page.mouse.move(x, y)
        page.mouse.down()
        for step in range(1, 4):
            page.evaluate(f"window.seen = ({MOVED})(); 0")
            page.mouse.move(x + (8 if k % 2 else -8) * step, y)
            times.setdefault("drag, pointer to count", []).append(page.evaluate("window.seen"))
            frame = float(page.locator(".plane").get_attribute("data-frame"))
            times.setdefault("drag, work in the browser", []).append(frame)
        page.evaluate(f"window.seen = ({WHAT_IS_DRAWN})('Rows '); 0")
        page.mouse.up()
        times.setdefault("release to table", []).append(page.evaluate("window.seen"))
        same(page)


def type_threshold(page: Page, repeats: int, times: dict[str, list[float]]) -> None:
    """Move a threshold by the keys of its field."""
    field = page.get_by_label("Teacher confidence at least")
    field.focus()
    for k in range(repeats):
        page.evaluate(f"window.seen = ({TYPED})(); 0")
        page.keyboard.press("ArrowUp" if k % 2 else "ArrowDown")
        name = "threshold by key, key to count"
        times.setdefault(name, []).append(page.evaluate("window.seen"))
    page.wait_for_timeout(1500)
    same(page)


def move_view(page: Page, repeats: int, times: dict[str, list[float]]) -> None:
    """Zoom in a step and drag the view: every row is put into cells anew at each step."""
    page.get_by_role("button", name="Zoom in").click()
    box = page.locator(".plane canvas").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + 0.7 * box["height"]
    page.wait_for_timeout(700)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 8, y)
    for k in range(3 * repeats):
        page.evaluate(f"window.seen = ({PAINTED})(); 0")
        page.mouse.move(x + (8 if k % 2 else -8), y)
        name = "view dragged, pointer to picture"
        times.setdefault(name, []).append(page.evaluate("window.seen"))
        frame = float(page.locator(".plane").get_attribute("data-frame"))
        times.setdefault("view dragged, work in the browser", []).append(frame)
    page.mouse.up()
    page.get_by_role("button", name="Reset view").click()
    page.wait_for_timeout(700)
    rest(page)


def lasso(page: Page, repeats: int, times: dict[str, list[float]]) -> None:
    """Draw a lasso, and let it go."""
    page.get_by_role("button", name="Lasso", exact=True).click()
    box = page.locator(".plane canvas").first.bounding_box()
    for k in range(repeats):
        left = 0.05 + 0.3 * (k % 2)  # never as many texts as the time before
        corners = [(left, 0.05), (0.6 + k / 60, 0.05), (0.98, 0.5), (0.6, 0.95), (left, 0.95)]
        at = [(box["x"] + box["width"] * a, box["y"] + box["height"] * b) for a, b in corners]
        page.mouse.move(*at[0])
        page.mouse.down()
        for point in at[1:]:
            page.mouse.move(*point, steps=11)
            page.evaluate(f"window.seen = ({PAINTED})(); 0")
            page.mouse.move(point[0] + 2, point[1] + 2)
            name = "lasso drawn, pointer to picture"
            times.setdefault(name, []).append(page.evaluate("window.seen"))
        page.evaluate(f"window.seen = ({WHAT_IS_DRAWN})('Rows '); 0")
        page.mouse.up()
        times.setdefault("lasso to table", []).append(page.evaluate("window.seen"))
        rest(page)


def switch(page: Page, times: dict[str, list[float]], pane: str) -> None:
    """To the other picture, on which what was lassoed stands out, and back."""
    titles = {"plane": "Plane", "map": "Map of meaning"}
    back = "map" if pane == "plane" else "plane"
    for k in range(3):
        for to in (pane, back):
            started = time.perf_counter()
            page.get_by_text(titles[to], exact=True).click()
            page.locator(f".plane[data-ready=yes][data-kind={to}][data-frame]").wait_for()
            if to == pane:
                page.get_by_text(re.compile("^strong: ")).wait_for()
                name = f"to the {pane}, the lasso's texts stand out"
                if k:  # the first time reads what is kept from then on
                    times.setdefault(name, []).append(1000 * (time.perf_counter() - started))
            rest(page)


def new_page(browser: Browser) -> Page:
    """A page that the server lets in."""
    return browser.new_page(
        viewport={"width": 1440, "height": 1400},
        extra_http_headers={"Authorization": f"Bearer {TOKEN}"},
    )


def rest(page: Page) -> None:
    """Wait until the server has nothing left to do."""
    page.wait_for_timeout(150)
    page.wait_for_selector(
        "[data-testid=stApp][data-test-script-state=notRunning]", timeout=300_000
    )


def same(page: Page) -> None:
    """The browser's count and the server's must be equal, exactly."""
    rest(page)
    shown_count = int(page.locator(".plane .kept").inner_text().replace(",", ""))
    sentence = page.get_by_text(re.compile("^Kept by these thresholds")).inner_text()
    counted = int(re.search(r": ([\d,]+) of", sentence)[1].replace(",", ""))
    if shown_count != counted:
        raise SystemExit(f"The browser counts {shown_count:,}, the server {counted:,}.")


def plotly(page: Page, url: str, repeats: int) -> dict[str, list[float]]:
    """Drive the Plotly page by its slider's keys: one press moves the threshold one step."""
    times: dict[str, list[float]] = {}
    for k in range(2):
        started = time.perf_counter()
        page.goto(url)
        page.locator(".js-plotly-plot .gl-canvas").first.wait_for(timeout=300_000, state="attached")
        wait_for_paint(page)
        if k:
            times["first paint, data cached"] = [1000 * (time.perf_counter() - started)]
    slider = page.get_by_role("slider", name="Teacher threshold")
    slider.focus()
    for _ in range(repeats):
        before = page.get_by_test_id("stText").inner_text()
        started = time.perf_counter()
        page.keyboard.press("ArrowRight")
        page.wait_for_function(
            "b => document.querySelector('[data-testid=stText]')?.textContent !== b",
            arg=before,
            timeout=300_000,
        )
        wait_for_paint(page)
        times.setdefault("threshold to kept colour", []).append(
            1000 * (time.perf_counter() - started)
        )
    return times


def wait_for_paint(page: Page) -> None:
    """Wait until the page is idle and a frame was painted after it."""
    page.wait_for_selector(
        "[data-testid=stApp][data-test-script-state=notRunning]", timeout=300_000
    )
    page.evaluate("() => new Promise(d => requestAnimationFrame(() => requestAnimationFrame(d)))")


def table(times: dict[str, list[float]]) -> None:
    """Print medians with their range."""
    for name, values in times.items():
        low, high = min(values), max(values)
        print(
            f"  {name:40} {statistics.median(values):10.1f} ms   "
            f"({low:.1f} to {high:.1f}, n={len(values)})"
        )


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--classes", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--no-plotly", action="store_true", help="leave the comparison out")
    parser.add_argument("--plotly-repeats", type=int, help="default: as many as --repeats")
    arguments = parser.parse_args()
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = Path(folder) / "home"
        started = time.perf_counter()
        signals = make_project(home, arguments.rows, arguments.classes)
        print(f"{arguments.rows:,} texts, {arguments.classes} classes, made in "
              f"{time.perf_counter() - started:.1f} s")  # fmt: skip
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = new_page(browser)
        with served("app.py", LLKD_HOME=str(home)) as (url, process):
            idle = process.memory_info().rss
            ours = curate(page, url, arguments.repeats, "plane")
            rss = process.memory_info().rss
            page.close()
            page = new_page(browser)
            mapped = curate(page, url, arguments.repeats, "map")
            both = process.memory_info().rss
        print("Curate, the plane (counts of browser and server were equal after every move)")
        table(ours)
        print(f"  {'server memory':40} {rss / 2**20:10.0f} MiB  (idle {idle / 2**20:.0f})")
        print("Curate, the map")
        table(mapped)
        print(f"  {'server memory, plane and map':40} {both / 2**20:10.0f} MiB")
        page.close()
        if not arguments.no_plotly:
            np.save(Path(folder) / "signals.npy", np.stack(signals))
            page = new_page(browser)
            with served(
                "benchmarks/plotly_plane.py", PLANE_SIGNALS=str(Path(folder) / "signals.npy")
            ) as (url, _):
                theirs = plotly(page, url, arguments.plotly_repeats or arguments.repeats)
            print("Plotly scattergl of the same signals")
            table(theirs)
            slow = statistics.median(theirs["threshold to kept colour"])
            for name in ("drag, pointer to count", "release to table"):
                print(f"  ratio to Curate's {name!r}: {slow / statistics.median(ours[name]):.0f}")
            ratio = statistics.median(theirs["first paint, data cached"]) / statistics.median(
                ours["first paint, data cached"]
            )
            print(f"  ratio of first paint, data cached: {ratio:.1f}")
        browser.close()


if __name__ == "__main__":
    main()
