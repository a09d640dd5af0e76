"""A packed project that was cut, altered or made by a stranger is refused, and nothing is left."""

import hashlib
import json
import shutil
import sqlite3
import stat
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llkd import packing
from llkd.errors import DataError, NotFound, StoreError, UserError
from llkd.jobs.progress import SilentProgress
from llkd.packing import archive, unpacker
from llkd.store import Store
from tests.support.packed_projects import full_project, packed, unpacked
from tests.support.seeded_projects import seeded_project

DOCUMENT = "project.json"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A packed project with something of everything."""
    folder = tmp_path_factory.mktemp("packed")
    store, project = full_project(folder / "home")
    packed(store, project, folder / "city.llkd")
    store.close()
    return folder / "city.llkd"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A packed project that is unpacked in a moment."""
    folder = tmp_path_factory.mktemp("small")
    store, project = seeded_project(folder / "home", n=6, labelled=False, probed=False)
    store.decisions.decide(project.id, [1], "label", "waste", "Ada")
    packed(store, project, folder / "city.llkd")
    store.close()
    return folder / "city.llkd"


def contents_of(file):
    with zipfile.ZipFile(file) as opened:
        return {info.filename: opened.read(info) for info in opened.infolist()}


def rewritten(contents, target, *, sums=True, document=lambda values: values):
    """The same file of these contents, its document telling the sums of what is in it now."""
    values = json.loads(contents[DOCUMENT])
    for entry in (*values["records"], *values["files"]) if sums else ():
        data = contents.get(entry["name"], b"")
        entry["size"], entry["sha256"] = len(data), hashlib.sha256(data).hexdigest()
        if "rows" in entry:
            entry["rows"] = data.count(b"\n")
    contents = {**contents, DOCUMENT: json.dumps(document(values)).encode()}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in contents.items():
            opened.writestr(plain(name), data)
    return target


def plain(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFREG | 0o600) << 16
    info.compress_type = zipfile.ZIP_STORED
    return info


def records(contents, table, change):
    """The contents with each record of a table changed."""
    name = f"records/{table}.jsonl"
    lines = [json.loads(line) for line in contents[name].splitlines()]
    for line in lines:
        change(line)
    data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    return {**contents, name: data}


def refused(home, file, sentence):
    """Unpacking is refused in a sentence and leaves nothing."""
    store = Store(home)
    with pytest.raises(UserError, match=sentence) as raised:
        packing.unpack(store, file, SilentProgress())
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 600
    left_alone(store)
    store.close()


def left_alone(store):
    assert store.projects.all() == []
    assert list(store.home.projects.iterdir()) == []


def with_entry(file, target, name, data=b"x", mode=stat.S_IFREG | 0o600, **changes):
    shutil.copy(file, target)
    with zipfile.ZipFile(target, "a") as opened:
        info = plain(name)
        info.external_attr = mode << 16
        for key, value in changes.items():
            setattr(info, key, value)
        opened.writestr(info, data)
    return target


@pytest.mark.parametrize(
    "name",
    ["../x.json", "/etc/x.json", "files/../../x.json", "files/a\\..\\b.json", "files/.hidden.json",
     "files/x.py", "files/a/x.so", "files//x.json", "C:/x.json", "files/x\0.json", "x.json",
     "files/runs/\u202ex.json", "files/" + "a/" * 40 + "x.json", "files/" + "x" * 300 + ".json"],
)  # fmt: skip
def test_names_that_lead_elsewhere(home, small, tmp_path, name):
    file = with_entry(small, tmp_path / "x.llkd", name)
    refused(home, file, r"x\.llkd cannot be unpacked: .* Nothing was changed\.")
    assert not list(tmp_path.rglob("x.json"))


def test_links_doubles_and_folders(home, small, tmp_path):
    link = with_entry(small, tmp_path / "a.llkd", "files/x.json", b"/etc", stat.S_IFLNK | 0o777)
    refused(home, link, "no plain file")
    with pytest.warns(UserWarning, match="Duplicate name"):
        double = with_entry(small, tmp_path / "b.llkd", "files/texts.parquet", b"")
    refused(home, double, "twice")
    other_case = with_entry(small, tmp_path / "c.llkd", "files/TEXTS.parquet", b"")
    refused(home, other_case, "twice")
    extra = with_entry(small, tmp_path / "d.llkd", "files/more.json", b"{}")
    refused(home, extra, "its project.json and its entries differ")


def test_a_decompression_bomb_is_not_unpacked(home, small, tmp_path, monkeypatch):
    bomb = with_entry(small, tmp_path / "x.llkd", "files/x.json", b" " * (40 << 20),
                      compress_type=zipfile.ZIP_DEFLATED)  # fmt: skip
    refused(home, bomb, "would unpack to 40 MiB from 0.0")
    monkeypatch.setattr(archive, "MOST_RATIO", 10**9)
    # One that says less than it holds, though its sums were made to fit.
    contents = contents_of(small)
    file = rewritten(contents, tmp_path / "y.llkd", document=lambda values: {
        **values, "files": [{**entry, "size": 3} for entry in values["files"]]})  # fmt: skip
    refused(home, file, "its entries differ")


def test_there_must_be_room(home, small, monkeypatch):
    monkeypatch.setattr(unpacker, "ROOM", 1 << 62)
    store = Store(home)
    with pytest.raises(StoreError, match="There is no room for this project"):
        packing.unpack(store, small, SilentProgress())
    left_alone(store)
    store.close()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format": 2, "version": "9.1"}, r"a newer version of the program wrote it \(9\.1\)"),
        ({"tables": "0999"}, r"its tables are '0999'"),
        ({"program": "another"}, "it is no packed project"),
        ({"surprise": 1}, r"its project\.json was altered \(surprise\)"),
        ({"records": []}, "differ"),
        ({"project": {"number": 1, "name": "x", "texts": 1, "texts_sha256": "y"}}, "not the one"),
    ],
)
def test_documents_that_are_not_ours(home, small, tmp_path, change, sentence):
    file = rewritten(contents_of(small), tmp_path / "x.llkd", document=lambda v: {**v, **change})
    refused(home, file, sentence)


def test_sums_are_compared(home, small, tmp_path):
    contents = contents_of(small)
    name = "records/human_labels.jsonl"
    contents[name] = contents[name].replace(b"waste", b"roads")
    refused(home, rewritten(contents, tmp_path / "x.llkd", sums=False), f"{name} was altered")


@pytest.mark.parametrize(
    ("table", "change", "sentence"),
    [
        ("human_labels", lambda r: r.update(row=60), "name texts that are not there"),
        ("human_labels", lambda r: r.update(project_id=7), "is of another project"),
        ("human_labels", lambda r: r.update(extra=1), "has other columns"),
        ("human_labels", lambda r: r.update(row="3; DROP TABLE"), "has no fitting row"),
        ("human_labels", lambda r: r.update(row=2**40), "has no fitting row"),
        ("human_labels", lambda r: r.update(id=1), "UNIQUE constraint"),
        ("runs", lambda r: r.update(labelling_id=99), "FOREIGN KEY constraint"),
        ("runs", lambda r: r.update(config=[1]), "Its record is damaged"),
        ("projects", lambda r: r.update(rows=61), "is not the one that it names"),
        ("projects", lambda r: r.update(name="a\nb"), "not the one that it names"),
        ("labellings", lambda r: r.update(fingerprint="x" * 65), "has no fitting fingerprint"),
        ("labellings", lambda r: r.update(id=r["id"] + 5), "FOREIGN KEY|belongs to no record"),
        ("audits", lambda r: r.update(id=r["id"] + 5), "FOREIGN KEY|belongs to no record"),
        ("audits", lambda r: r["document"].update(population_sha256="0" * 64), "audit"),
    ],
)
def test_records_that_do_not_fit(home, whole, tmp_path, table, change, sentence):
    file = rewritten(records(contents_of(whole), table, change), tmp_path / "x.llkd")
    refused(home, file, sentence)


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("files/texts.parquet", b"PAR1", "texts is damaged"),
        ("files/labels/1/part-x.parquet", b"PAR1 no", "A part of the labels is damaged"),
        ("files/labels/9/part-x.parquet", b"PAR1", "belongs to no record"),
        ("files/runs/1/student/config.json", b"{", "is no JSON"),
        ("files/runs/1/student/config.json",
         b'{"model_type": "bert", "auto_map": {"AutoModel": "evil/repo--m.C"}}', "code of others"),
        ("files/runs/1/student/modules.json", b'[{"type": "os.system"}]', "code of others"),
        ("files/runs/1/student/model.safetensors", b"\x80\x04pickle", "student of run"),
    ],
)  # fmt: skip
def test_files_that_do_not_fit(home, whole, tmp_path, name, data, sentence):
    contents = {**contents_of(whole), name: data}
    known = {entry["name"] for entry in json.loads(contents[DOCUMENT])["files"]}

    def document(values):
        if name in known:
            return values
        total = hashlib.sha256(data).hexdigest()
        entry = {"name": name, "size": len(data), "sha256": total, "modified": 1}
        return {**values, "files": [*values["files"], entry]}

    refused(home, rewritten(contents, tmp_path / "x.llkd", document=document), sentence)


def test_a_database_with_a_trigger(home, whole, tmp_path):
    contents = contents_of(whole)
    name = next(name for name in contents if name.endswith("calls.db"))
    file = tmp_path / "calls.db"
    file.write_bytes(contents[name])
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TRIGGER t AFTER UPDATE ON calls BEGIN DELETE FROM calls; END")
    connection.close()
    contents[name] = file.read_bytes()
    refused(home, rewritten(contents, tmp_path / "x.llkd"), "is no account of ours")


def test_other_files_and_names_that_are_taken(home, small, tmp_path):
    (tmp_path / "x.llkd").write_text("a,b\n1,2\n")
    refused(home, tmp_path / "x.llkd", "it is no packed project, or was cut off")
    with zipfile.ZipFile(tmp_path / "y.zip", "w") as opened:
        opened.writestr("a.csv", "a,b")
    refused(home, tmp_path / "y.zip", "it has an entry under the name 'a.csv'")
    store = Store(home)
    with pytest.raises(NotFound, match="There is no file"):
        packing.unpack(store, tmp_path / "none", SilentProgress())
    first = unpacked(store, small)
    with pytest.raises(UserError, match="There is a project 'city' already. Give another with --p"):
        packing.unpack(store, small, SilentProgress())
    second = unpacked(store, small, "city of Ben")
    assert first.digest == second.digest and first.id != second.id
    assert len(list(store.home.projects.iterdir())) == 2
    store.close()


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_a_file_that_was_cut_or_has_other_bytes(home, small, tmp_path, data):
    """Either it is refused in a sentence and leaves nothing, or the change meant nothing."""
    contents = bytearray(small.read_bytes())
    if data.draw(st.booleans(), "cut"):
        del contents[data.draw(st.integers(0, len(contents) - 1), "at") :]
    else:
        for place in data.draw(st.lists(st.integers(0, len(contents) - 1), min_size=1, max_size=4)):
            contents[place] = data.draw(st.integers(0, 255))
    file = tmp_path / "altered.llkd"
    file.write_bytes(contents)
    store = Store(home)
    try:
        project = unpacked(store, file)
    except DataError as error:
        assert "cannot be unpacked" in str(error) and "\n" not in str(error)
        left_alone(store)
    else:
        label = store.decisions.current(project.id).loc[1, "human_label"]
        assert (project.rows, label) == (6, "waste")
        store.projects.delete(project.id)
        left_alone(store)
    finally:
        store.close()
