"""A small hub on 127.0.0.1: the part of the Hugging Face hub's HTTP interface that pushing uses.

Written after the official client's own requests (huggingface_hub 2.4: ``HfApi.repo_info``,
``create_repo``, ``_validate_yaml``, ``preupload``, the LFS batch and ``commit``); no other hub server
was to be had. It keeps repositories in memory and reads cards with the client's own card classes.
"""

import base64
import hashlib
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

TOKEN = "hf_abcdefghijklmnopqrstuvwxyz0123456789"
OWNERS = ("ann",)
REPO = re.compile(r"/api/(models|datasets)/([\w.-]+/[\w.-]+)(/.*)?")


def git_hash(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Repo:
    def __init__(self, private):
        self.private, self.files, self.commits = private, {".gitattributes": b""}, ["0" * 40]
        self.large = set()

    @property
    def sha(self):
        return self.commits[-1]


class Hub:
    """``repos`` by (kind, name), ``blobs`` by sum, ``requests`` as (method, path, authorization).

    ``trouble(method, path)`` may give (status, body, headers) to be answered instead.
    """

    def __init__(self):
        self.repos, self.blobs, self.requests, self.uploads = {}, {}, [], 0
        self.trouble = lambda method, path: None
        self.lock = threading.Lock()
        self.url = ""

    def files(self, kind, name):
        return {p: c for p, c in self.repos[kind, name].files.items() if p != ".gitattributes"}


def _error(status, words, code=None):
    headers = {"X-Error-Message": words}
    return status, {"error": words}, {**headers, **({"X-Error-Code": code} if code else {})}


def _no_repo():
    return _error(404, "Repository not found", "RepoNotFound")


def _answer(hub, method, path, body, token):
    if token != TOKEN:
        return _error(401, "Invalid credentials in Authorization header")
    if path == "/api/repos/create":
        asked = json.loads(body)
        kind, owner = asked.get("type", "model"), asked["organization"]
        name = f"{owner}/{asked['name']}"
        if owner not in OWNERS:
            return _error(403, "You don't have the rights to create a repo in this namespace")
        if (kind, name) in hub.repos:
            return _error(409, "You already created this repo")
        hub.repos[kind, name] = Repo(asked.get("visibility") == "private")
        prefix = "datasets/" * (kind == "dataset")
        return 200, {"url": f"{hub.url}/{prefix}{name}"}
    if path == "/api/validate-yaml":
        return _card(json.loads(body))
    uploaded = re.fullmatch(r"/lfs/([0-9a-f]{64})", path)
    if uploaded:
        assert hashlib.sha256(body).hexdigest() == uploaded[1]
        hub.blobs[uploaded[1]] = body
        hub.uploads += 1
        return 200, {}
    batch = re.fullmatch(r"/(?:datasets/)?([\w.-]+/[\w.-]+)\.git/info/lfs/objects/batch", path)
    if batch:
        return 200, {
            "transfer": "basic",
            "objects": [_action(hub, o) for o in json.loads(body)["objects"]],
        }
    match = REPO.fullmatch(path)
    kind = match[1][:-1]
    repo = hub.repos.get((kind, match[2]))
    if repo is None:
        return _no_repo()
    rest = match[3] or ""
    if rest in ("", "/revision/main"):
        return 200, {
            "id": match[2], "sha": repo.sha, "private": repo.private, "tags": [], "downloads": 0,
            "likes": 0, "siblings": [{"rfilename": name} for name in sorted(repo.files)],
        }  # fmt: skip
    if rest == "/preupload/main":
        return 200, {"files": [_mode(repo, file) for file in json.loads(body)["files"]]}
    if rest == "/commit/main":
        return _commit(f"{hub.url}/{'datasets/' * (kind == 'dataset')}{match[2]}", hub, repo, body)
    return 404, {"error": "no such place"}


def _card(asked):
    from huggingface_hub import DatasetCard, ModelCard

    card = {"dataset": DatasetCard, "model": ModelCard}[asked["repoType"]]
    try:
        card(asked["content"], ignore_metadata_errors=False)
    except Exception as error:
        return 400, {"errors": [{"message": str(error)}], "warnings": []}
    return 200, {"errors": [], "warnings": []}


def _action(hub, asked):
    entry = {"oid": asked["oid"], "size": asked["size"]}
    if asked["oid"] not in hub.blobs:
        entry["actions"] = {"upload": {"href": f"{hub.url}/lfs/{asked['oid']}", "header": {}}}
    return entry


def _mode(repo, file):
    large = file["path"].endswith((".safetensors", ".parquet", ".onnx"))
    there = repo.files.get(file["path"])
    oid = None
    if there is not None:
        oid = hashlib.sha256(there).hexdigest() if large else git_hash(there)
    mode = "lfs" if large else "regular"
    return {"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid}


def _commit(url, hub, repo, body):
    files = dict(repo.files)
    for line in body.decode().splitlines():
        entry = json.loads(line)
        value = entry["value"]
        if entry["key"] == "header" and value.get("parentCommit") not in (None, repo.sha):
            return _error(412, "A commit has happened since. Please refresh and try again.")
        if entry["key"] == "file":
            files[value["path"]] = base64.b64decode(value["content"])
        elif entry["key"] == "lfsFile":
            if value["oid"] not in hub.blobs:
                return _error(400, "lfs object is not there")
            files[value["path"]] = hub.blobs[value["oid"]]
        elif entry["key"] == "deletedFile":
            del files[value["path"]]
    repo.files = files
    repo.commits.append(hashlib.sha1(f"{repo.sha}{len(repo.commits)}".encode()).hexdigest())
    return 200, {"commitUrl": f"{url}/commit/{repo.sha}", "commitOid": repo.sha,
                 "hookOutput": ""}  # fmt: skip


@contextmanager
def hub_server():
    """A running :class:`Hub`; its ``url`` is for HF_ENDPOINT."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _body(self):
            if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = []
            while size := int(self.rfile.readline().strip(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def _any(self):
            body = self._body()
            path = urlsplit(self.path).path
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            with hub.lock:
                hub.requests.append((self.command, path, token))
                reply = hub.trouble(self.command, path)
                if reply is None:
                    signed = path.startswith("/lfs/")  # such addresses carry their own permission
                    reply = _answer(hub, self.command, path, body, TOKEN if signed else token)
            if reply == "drop":
                self.close_connection = True
                return
            status, document, *more = reply
            words = json.dumps(document).encode()
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                **(more[0] if more else {}),
            }.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(words)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(words)

        do_GET = do_POST = do_PUT = do_HEAD = _any

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
