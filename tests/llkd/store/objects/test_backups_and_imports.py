"""Backups into a real S3 server and back, and files that are imported from there."""

import json

import pytest

from llkd import maintenance
from llkd.cli import main
from llkd.errors import NotFound, StoreError, UserError
from llkd.store import Store
from tests.support.exported_projects import made
from tests.support.object_server import first
from tests.support.seeded_projects import seeded_project


def contents(root):
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
        and not path.name.endswith((".lock", "-wal", "-shm"))
        and path.name != "lock"
    }


def test_a_home_is_the_same_after_backup_and_restore(home, bucket, tmp_path, faults, capsys):
    store, project = seeded_project(home, 40)
    store.decisions.decide(project.id, [3], "label", "roads", who="Ann")
    place = f"s3://{bucket}/monday"
    maintenance.backup(store.home.root, tmp_path / "here")
    faults.trouble = first(2, (503, "SlowDown"))
    assert main(["backup", place]) == 0
    assert f"Take it back with: llkd restore {place} DIR" in capsys.readouterr().out
    faults.trouble = first(2, "cut", lambda method, path: method == "GET" and "list" not in path)
    assert main(["restore", place, str(tmp_path / "back")]) == 0
    assert "No fault" not in capsys.readouterr().err
    before, after = contents(tmp_path / "here"), contents(tmp_path / "back")
    assert {name: before[name] for name in before if name != "llkd.db"} == {
        name: after[name] for name in after if name != "llkd.db"
    }
    again = Store(tmp_path / "back")
    assert again.decisions.current(project.id).equals(store.decisions.current(project.id))
    again.close()
    store.close()
    with pytest.raises(UserError, match="monday holds objects already. Choose a new prefix"):
        maintenance.backup_to(store.home.root, place)
    with pytest.raises(UserError, match="holds something already. Choose a new or empty folder"):
        maintenance.restore(place, tmp_path / "back")


def test_one_that_is_cut_off_is_no_backup_and_a_damaged_one_restores_nothing(
    store, object_server, bucket, tmp_path, faults, capsys
):
    made(store)
    place = f"s3://{bucket}/monday"
    faults.trouble = lambda method, path: (
        (503, "SlowDown") if method == "PUT" and path.endswith("llkd.db") else None
    )
    with pytest.raises(StoreError, match="overloaded or fails"):
        maintenance.backup_to(store.home.root, place)
    assert object_server.objects(bucket)
    for read in (maintenance.examine_objects, lambda at: maintenance.restore(at, tmp_path / "x")):
        with pytest.raises(NotFound, match="There is no whole"):
            read(place)
    faults.trouble = lambda method, path: None
    other = f"s3://{bucket}/tuesday"
    maintenance.backup_to(store.home.root, other)
    assert main(["doctor", "--at", other, "--deep"]) == 0
    assert "No fault found in" in capsys.readouterr().out
    key = next(k for k in object_server.objects(bucket) if k.startswith("tuesday/projects/"))
    damaged = object_server.objects(bucket)[key][:-1] + b"?"
    object_server.client.put_object(Bucket=bucket, Key=key, Body=damaged)
    assert main(["doctor", "--at", other]) == 0
    assert main(["doctor", "--at", other, "--deep"]) == 1
    assert "It is not what was written." in capsys.readouterr().out
    with pytest.raises(StoreError, match="is not the file that was backed up. Nothing was restor"):
        maintenance.restore(other, tmp_path / "x")
    assert not (tmp_path / "x").exists()
    object_server.client.delete_object(Bucket=bucket, Key=key)
    (finding,) = maintenance.examine_objects(other)["findings"]
    assert finding["what"] == "It is missing." and key.endswith(finding["where"])
    # A list that leads elsewhere is none of ours.
    listed = json.loads(object_server.objects(bucket)["tuesday/backup.json"])
    listed["files"]["../evil"] = {"bytes": 1, "sha256": "x"}
    object_server.client.put_object(
        Bucket=bucket, Key="tuesday/backup.json", Body=json.dumps(listed).encode()
    )
    with pytest.raises(UserError, match="is no list of a backup"):
        maintenance.restore(other, tmp_path / "x")


def test_files_are_imported_from_there(object_server, bucket, home, capsys):
    put = object_server.client.put_object
    put(Bucket=bucket, Key="in/a b.csv", Body=b"id,text,label\n1,one text,x\n2,another,y\n")
    put(Bucket=bucket, Key="in/more/b.jsonl", Body=b'{"id": "3", "text": "third", "label": "x"}\n')
    for name, place, rows in (("one", "in/a b.csv", 2), ("all", "in", 3)):
        command = ["import", f"s3://{bucket}/{place}", "--project", name, "--label-column", "label"]
        assert main([*command, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["rows"] == rows
    store = Store()
    assert store.projects.get("one").source == "a b.csv"
    store.close()
    assert main(["import", f"s3://{bucket}/not-there", "--project", "x"]) == 2
    assert "There is nothing at s3://" in capsys.readouterr().err
