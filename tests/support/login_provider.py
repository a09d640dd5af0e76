"""A login provider of our own (OpenID Connect): discovery, a page to log in, signed tokens.

``Provider(people)`` listens on 127.0.0.1; its page has a button for each person. It checks what a
provider checks (client, redirect address, one use of each code), so a client that gets any of
that wrong is refused.
"""

import base64
import html
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "llkd-studio", "a-secret-of-the-client"


class Provider:
    """The provider while it runs: its address, and what it was asked."""

    def __init__(self, people, signing_key=None):
        self.people = people
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        # A forger signs with another key than the one that is published.
        self.signing = signing_key or self.key
        self.codes = {}
        self.logged_out = 0
        self.redirects = set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self, "GET", b"")

            def do_POST(self):
                length = int(self.headers.get("Content-Length", 0))
                outer.answer(self, "POST", self.rfile.read(length))

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request, method, body):
        address = urlsplit(request.path)
        query = {name: one[0] for name, one in parse_qs(address.query).items()}
        if (method, address.path) == ("GET", "/.well-known/openid-configuration"):
            return send(request, 200, self.discovery())
        if (method, address.path) == ("GET", "/keys"):
            return send(request, 200, {"keys": [self.key.as_dict(private=False)]})
        if (method, address.path) == ("GET", "/authorize"):
            return self.log_in_page(request, query)
        if (method, address.path) == ("GET", "/choose"):
            return self.chosen(request, query)
        if (method, address.path) == ("POST", "/token"):
            form = {name: one[0] for name, one in parse_qs(body.decode()).items()}
            return self.token(request, form)
        if (method, address.path) == ("GET", "/logout"):
            self.logged_out += 1
            return redirect(request, query["post_logout_redirect_uri"])
        return send(request, 404, {"error": "not_found"})

    def discovery(self):
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "end_session_endpoint": f"{self.url}/logout",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }

    def log_in_page(self, request, query):
        right = (
            query.get("client_id") == CLIENT
            and query.get("redirect_uri") in self.redirects
            and query.get("response_type") == "code"
            and "openid" in query.get("scope", "").split()
        )
        if not right:
            return send(request, 400, {"error": "invalid_request"})
        links = "".join(
            f'<p><a href="/choose?{html.escape(urlencode({**query, "person": number}))}">'
            f"{html.escape(str(person['email']))}</a></p>"
            for number, person in enumerate(self.people)
        )
        return send(request, 200, f"<h1>Who are you?</h1>{links}", "text/html")

    def chosen(self, request, query):
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        back = urlencode({"code": code, "state": query["state"]})
        return redirect(request, f"{query['redirect_uri']}?{back}")

    def token(self, request, form):
        given = request.headers.get("Authorization", "").removeprefix("Basic ")
        client = base64.b64decode(given).decode().partition(":")
        asked = self.codes.pop(form.get("code"), None)
        if (client[0], client[2]) != (CLIENT, SECRET):
            return send(request, 401, {"error": "invalid_client"})
        if asked is None or form.get("redirect_uri") != asked["redirect_uri"]:
            return send(request, 400, {"error": "invalid_grant"})
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": asked["person"],
            "iat": now,
            "exp": now + 600,
            "nonce": asked.get("nonce"),
            **self.people[int(asked["person"])],
        }
        token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.signing)
        answer = {
            "access_token": secrets.token_urlsafe(16),
            "token_type": "Bearer",
            "expires_in": 600,
            "id_token": token,
        }
        return send(request, 200, answer)


def send(request, status, body, kind="application/json"):
    data = (body if isinstance(body, str) else json.dumps(body)).encode()
    request.send_response(status)
    request.send_header("Content-Type", f"{kind}; charset=utf-8")
    request.send_header("Content-Length", str(len(data)))
    request.end_headers()
    request.wfile.write(data)


def redirect(request, address):
    request.send_response(302)
    request.send_header("Location", address)
    request.send_header("Content-Length", "0")
    request.end_headers()
