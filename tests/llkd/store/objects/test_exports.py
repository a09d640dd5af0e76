"""Exports into a real S3 server: whole or not at all, whatever happens in between."""

import json
import os
import signal
import subprocess
import sys
import time
from hashlib import sha256

import pytest

from llkd import exporting, workflows
from llkd.cli import main
from llkd.errors import NotFound, StoreError, UserError
from llkd.store.objects import bucket_folder
from tests.support.exported_projects import made
from tests.support.object_server import KEYS, first


def written(method, path):
    return method == "PUT"


def assert_whole(objects, prefix="sets/city/"):
    manifest = json.loads(objects[f"{prefix}manifest.json"])
    files = {key.removeprefix(prefix): value for key, value in objects.items()}
    del files["manifest.json"]
    assert {name: sha256(content).hexdigest() for name, content in files.items()} == (
        manifest["files"]
    )
    return manifest


def test_it_is_what_a_folder_gets_and_is_made_again_from_there(
    store, object_server, bucket, tmp_path, capsys
):
    project = made(store)
    out = f"s3://{bucket}/sets/city"
    options = {"formats": ["csv", "jsonl"], "validation": 0.2}
    document = workflows.export(store, project, out, **options)
    workflows.export(store, project, tmp_path / "local", **options)
    objects = object_server.objects(bucket)
    manifest = assert_whole(objects)
    for name in manifest["files"]:
        assert objects[f"sets/city/{name}"] == (tmp_path / "local" / name).read_bytes()
    assert document["folder"] == out and document["manifest"] == f"{out}/manifest.json"
    assert document["manifest"] in document["files"]
    secret = KEYS["AWS_SECRET_ACCESS_KEY"].encode()
    assert not [key for key, content in objects.items() if secret in content]

    assert main(["rebuild", f"{out}/manifest.json", "--out", f"s3://{bucket}/again", "--json"]) == 0
    assert all(json.loads(capsys.readouterr().out)["files"].values())
    again = object_server.objects(bucket)
    for name in manifest["files"]:
        assert again[f"again/{name}"] == objects[f"sets/city/{name}"]

    workflows.export(store, project, out, formats=["parquet"])
    replaced = object_server.objects(bucket)
    manifest = assert_whole({k: v for k, v in replaced.items() if k.startswith("sets/")})
    assert list(manifest["files"]) == ["curated.parquet"]

    object_server.client.put_object(Bucket=bucket, Key="other/x.txt", Body=b"x")
    with pytest.raises(UserError, match="other holds other objects, which an export must not mix"):
        workflows.export(store, project, f"s3://{bucket}/other", formats=["csv"])
    with pytest.raises(NotFound, match="There is no manifest at s3://"):
        workflows.rebuild(store, f"s3://{bucket}/nothing")


@pytest.mark.parametrize("trouble", [(503, "SlowDown"), (500, "InternalError"), "reset", "cut"])
def test_what_passes_is_tried_again(store, object_server, bucket, faults, trouble):
    project = made(store)
    faults.trouble = first(2, trouble, lambda method, path: bucket in path)
    workflows.export(store, project, f"s3://{bucket}/sets/city", formats=["csv"])
    assert_whole(object_server.objects(bucket))
    faults.trouble = first(2, trouble, lambda method, path: method == "GET")
    assert workflows.rebuild(store, f"s3://{bucket}/sets/city")["rows"]


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ((503, "SlowDown"), "overloaded or fails. Try again later"),
        ("reset", "the server does not answer. Check the network"),
        ("stall", "the server does not answer. Check the network"),
        ((403, "AccessDenied"), "this user may not do that in this bucket"),
    ],
)
def test_what_stays_is_said_in_time_and_the_earlier_export_is_untouched(
    store, object_server, bucket, faults, trouble, words, monkeypatch
):
    if trouble == "stall":
        monkeypatch.setattr(bucket_folder, "ATTEMPTS", 1)
    project = made(store)
    out = f"s3://{bucket}/sets/city"
    workflows.export(store, project, out, formats=["csv"])
    before = object_server.objects(bucket)
    faults.trouble = lambda method, path: trouble if method == "PUT" else None
    began = time.monotonic()
    with pytest.raises(StoreError, match="What was there before is unchanged") as caught:
        workflows.export(store, project, out, formats=["csv", "jsonl"])
    assert words in str(caught.value) and time.monotonic() - began < 60
    now = object_server.objects(bucket)
    assert {key: now[key] for key in before} == before
    faults.trouble = lambda method, path: None
    workflows.export(store, project, out, formats=["jsonl"])
    assert list(assert_whole(object_server.objects(bucket))["files"]) == ["curated.jsonl"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("InvalidAccessKeyId", "the credentials are refused. Check AWS_ACCESS_KEY_ID"),
        ("SignatureDoesNotMatch", "the credentials are refused"),
        ("AccessDenied", "access is denied: the credentials are wrong, or"),
    ],
)
def test_refusals_are_said_before_anything_is_made(store, bucket, faults, capsys, code, words):
    made(store)
    faults.trouble = lambda method, path: (403, code)
    assert main(["export", "city", "--out", f"s3://{bucket}/x"]) == 1
    line = " ".join(capsys.readouterr().err.split())
    assert line.count(". ") <= 2 and f"s3://{bucket}/x" in line and "Traceback" not in line
    assert words in line
    assert all(value not in line for value in KEYS.values() if value.startswith("nobody"))


def test_a_server_that_stores_more_than_was_sent_is_noticed(store, bucket, monkeypatch):
    """As those do that take the checksums between the pieces of a body for a part of it."""
    sized = bucket_folder.BucketFolder.size
    monkeypatch.setattr(
        bucket_folder.BucketFolder,
        "size",
        lambda self, name: None if (size := sized(self, name)) is None else size + 79,
    )
    with pytest.raises(StoreError, match="AWS_REQUEST_CHECKSUM_CALCULATION=when_required"):
        workflows.export(store, made(store), f"s3://{bucket}/x", formats=["csv"])


def test_no_bucket_no_server_no_address(store, bucket, monkeypatch):
    project = made(store)
    with pytest.raises(StoreError, match="there is no such bucket. Make it, or check its name"):
        workflows.export(store, project, "s3://not-there-at-all/x", formats=["csv"])
    for place in ("s3://", "s3://bucket", "s3://bucket/a//b", "s3://bucket/../x", "s3://B_/x"):
        with pytest.raises(UserError, match="is no address in object storage. It reads s3://buc"):
            exporting.destination(place)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match="the server does not answer. Check the network and AWS_"):
        workflows.export(store, project, f"s3://{bucket}/x", formats=["csv"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://me:secret@127.0.0.1:9")
    with pytest.raises(UserError, match="without user and password") as caught:
        exporting.destination(f"s3://{bucket}/x")
    assert "secret" not in str(caught.value)


def test_one_that_is_killed_between_the_manifests_has_none_and_the_next_is_whole(
    store, object_server, bucket, faults
):
    project = made(store)
    out = f"s3://{bucket}/sets/city"
    workflows.export(store, project, out, formats=["csv", "jsonl"])
    is_last = lambda method, path: method == "PUT" and path.endswith("manifest.json")  # noqa: E731
    faults.trouble = lambda method, path: "stall" if is_last(method, path) else None
    code = (
        "from llkd.store import Store; from llkd import workflows; s = Store();"
        f"workflows.export(s, s.projects.get('city'), '{out}', formats=['parquet'])"
    )
    child = subprocess.Popen([sys.executable, "-c", code], env=dict(os.environ))
    until = time.monotonic() + 60
    while not any(is_last(*request) for request in faults.requests[-3:]):
        assert child.poll() is None and time.monotonic() < until
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    with pytest.raises(NotFound, match="There is no manifest at"):
        workflows.rebuild(store, out)
    faults.trouble = lambda method, path: None
    workflows.export(store, project, out, formats=["csv"])
    assert list(assert_whole(object_server.objects(bucket))["files"]) == ["curated.csv"]
