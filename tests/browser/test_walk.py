"""A newcomer's whole way by clicking, with the real models; then each address on a fresh server."""

import csv
import io
import json
import re
import socket
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from tests.support.browser import HEADERS, settled

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.browser


@pytest.fixture
def some_messages(tmp_path):
    """The first messages of the sample with their gold, as a user's own file."""
    texts = pd.read_csv(ROOT / "sample_data" / "city_messages.csv", keep_default_na=False)
    gold = pd.read_csv(ROOT / "sample_data" / "city_messages_gold.csv", keep_default_na=False)
    path = tmp_path / "my messages.csv"
    texts.merge(gold[["id", "label"]], on="id").head(120).to_csv(path, index=False)
    return path


def download(page, name):
    """The button by its name; invisible joiners keep a name from becoming a link."""
    letters = "\u2060?".join(re.escape(letter) for letter in name)
    return page.get_by_role("button", name=re.compile(f"Download {letters}"))


def fetch(page, button):
    # Streamlit reads the whole file before it begins: many seconds for the 200 MB of a student.
    with page.expect_download(timeout=180_000) as started:
        button.click()
    return Path(started.value.path()).read_bytes()


@pytest.mark.models
def test_from_a_file_to_a_curated_set_and_a_student(server, page, some_messages):
    page.goto(server.url)
    settled(page, "Open the sample")
    page.locator("input[type=file]").first.set_input_files(some_messages)
    settled(page, "What will be kept")
    page.get_by_role("button", name="Create the project").click()
    settled(page, "Next: label with a teacher")
    page.get_by_role("button", name="Next: label with a teacher").click()

    settled(page, "Start labelling")
    page.get_by_role("button", name="Start labelling").click()
    page.get_by_text("Labels given").first.wait_for(timeout=240_000)
    settled(page, "Next: choose what to keep")
    assert page.get_by_text("120 of 120").count() >= 1
    page.get_by_role("button", name="Next: choose what to keep").click()

    settled(page, "Kept")
    page.locator(".plane[data-ready=yes][data-frame]").wait_for()
    page.get_by_label("Teacher confidence at least").fill("0.4")
    page.get_by_label("Teacher confidence at least").press("Enter")
    page.wait_for_url("**tt=0.4**")
    settled(page)
    kept = int(page.locator(".plane .kept").inner_text().replace(",", ""))
    assert 0 < kept < 90

    page.get_by_role("link", name="Train").first.click()
    settled(page, "Start training")
    epochs = page.get_by_role("spinbutton", name="Epochs")
    epochs.fill("1")
    epochs.press("Enter")
    settled(page)
    page.get_by_role("button", name="Start training").click()
    page.get_by_text("Finished runs (1)").wait_for(timeout=240_000)
    settled(page)
    page.get_by_role("button", name="Compare the results").click()
    settled(page, "Runs side by side")
    page.get_by_text("One run in detail").first.wait_for()

    page.get_by_role("link", name="Export").first.click()
    settled(page, "What to export")
    page.get_by_text("Parquet", exact=True).click()
    settled(page)
    page.get_by_role("button", name="Export ").click()
    page.get_by_text("Finished exports").wait_for(timeout=60_000)
    settled(page)
    table = fetch(page, download(page, "curated.csv"))
    rows = list(csv.DictReader(io.StringIO(table.decode("utf-8-sig"))))
    assert len(rows) == kept, "what is taken away is what Curate counted"
    assert {"id", "text", "label", "teacher_confidence"} <= set(rows[0])
    assert all(float(row["teacher_confidence"]) >= 0.4 for row in rows)
    lines = fetch(page, download(page, "curated.jsonl")).decode().splitlines()
    assert len(lines) == kept
    manifest = json.loads(fetch(page, download(page, "manifest.json")))
    assert manifest["counts"]["kept"] == kept

    page.get_by_text("What a run trained on", exact=True).click()
    settled(page, "With the student of")
    page.get_by_role("button", name="Export ").click()
    # Its ONNX files are written and measured first.
    download(page, "student.zip").wait_for(timeout=300_000)
    page.get_by_text("The student's forms").wait_for()
    archive = zipfile.ZipFile(io.BytesIO(fetch(page, download(page, "student.zip"))))
    assert {
        f"student/{name}" for name in ("model.safetensors", "onnx/model.onnx", "predict.py")
    } <= set(archive.namelist())
    assert page.problems == []


@pytest.mark.parametrize("address", ["data", "teacher", "curate", "train", "results", "export"])
def test_each_address_opens_on_a_fresh_server(server, page, address):
    foreign = []
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith(
                (server.url, server.url.replace("http", "ws"), "data:", "blob:")
            )
            else foreign.append(request.url)
        ),
    )
    page.goto(f"{server.url}/{address}")
    settled(page)
    heading = page.get_by_role("heading", level=1).first
    assert heading.inner_text().strip() == address.capitalize()
    if address != "data":
        page.get_by_role("button", name="Go to Data").click()  # the very first click counts
        page.get_by_role("button", name="Open the sample").wait_for()
    assert page.problems == []
    assert foreign == [], "nothing is fetched from elsewhere"


def handshake(server, host):
    """The first line that the server answers to a WebSocket request for this host name."""
    lines = [
        "GET /_stcore/stream HTTP/1.1", f"Host: {host}", f"Origin: http://{host}",
        "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        f"Authorization: {HEADERS['Authorization']}", "", "",
    ]  # fmt: skip
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall("\r\n".join(lines).encode())
        return connection.recv(200).decode().splitlines()[0]


def test_a_foreign_host_name_does_not_reach_the_app(server):
    """A page that a rebound name serves must not open the socket of this one."""
    assert " 101 " in handshake(server, f"127.0.0.1:{server.port}")
    assert " 403 " in handshake(server, f"evil.example:{server.port}")
