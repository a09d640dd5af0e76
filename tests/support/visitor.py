"""A visitor without a browser: raw requests and Streamlit's own protocol over a websocket.

So a test can send what no browser would: headers, cookies, origins and names of its choice.
"""

import re
import urllib.request

import requests
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

DONE = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_WITH_COMPILE_ERROR)


class Visitor:
    """One program that talks to the server; ``headers`` go with everything that it sends."""

    def __init__(self, server, **headers):
        self.server = server
        self.headers = headers
        self.http = requests.Session()
        self.http.headers.update(headers)
        self.session = None

    def get(self, path, **more):
        return self.http.get(f"{self.server.url}/{path}", timeout=20, allow_redirects=False, **more)

    def cookies(self):
        return "; ".join(f"{one.name}={one.value}" for one in self.http.cookies)

    def socket(self, origin=None, **headers):
        """An open socket; raises InvalidStatus where it is refused."""
        sent = {**self.headers, "Cookie": self.cookies(), **headers}
        return connect(
            f"{self.server.url.replace('http', 'ws')}/_stcore/stream",
            origin=origin or self.server.url,
            additional_headers={name: value for name, value in sent.items() if value},
            subprotocols=["streamlit", self.http.cookies.get("_streamlit_xsrf") or "none"],
            max_size=None,
            proxy=None,
        )

    def refused(self, origin=None, **headers):
        """The status that a socket is refused with; None where it opens."""
        try:
            self.socket(origin, **headers).close()
        except InvalidStatus as error:
            return error.response.status_code
        return None

    def sees(self, page, query="", socket=None, **headers):
        """All words that a page sends, up to the end of its script."""
        opened = socket or self.socket(**headers)
        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.page_name = page
        opened.send(message.SerializeToString())
        words = []
        while True:
            answer = ForwardMsg()
            data = opened.recv(timeout=60)
            answer.ParseFromString(data)
            kind = answer.WhichOneof("type")
            if kind == "new_session":
                self.session = answer.new_session.initialize.session_id
            elif kind == "delta":
                words.append(str(answer.delta))
            elif kind == "script_finished" and answer.script_finished in DONE:
                break
        if socket is None:
            opened.close()
        return re.sub(r"\\u2060|\\342\\201\\240", "", "\n".join(words))

    def upload(self, session, name, size, token=True):
        """Send a file of that many bytes into a session; the answer's status."""
        xsrf = self.http.cookies.get("_streamlit_xsrf", "")
        return self.http.put(
            f"{self.server.url}/_stcore/upload_file/{session}/{name}",
            files={name: (f"{name}.csv", b"x" * size)},
            headers={"X-Xsrftoken": xsrf} if token else {},
            timeout=60,
        ).status_code


def printed_address(server):
    """The address that the server prints in its terminal."""
    with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=5):
        pass
    return re.search(r"http://\S+", server.log.read_text()).group(0)
