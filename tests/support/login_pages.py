"""Pages opened by their address with the secrets of a login, by a user."""

import time

from streamlit.testing.v1 import AppTest

from tests.support.pages import ROOT

AUTH = {
    "redirect_uri": "http://127.0.0.1:8501/oauth2callback",
    "cookie_secret": "x" * 32,
    "client_id": "llkd",
    "client_secret": "hidden",
    "server_metadata_url": "http://127.0.0.1:9/.well-known/openid-configuration",
}
SECRETS = {"auth": AUTH, "llkd": {"allowed_emails": ["ann@example.org", "@team.example"]}}


def user(email="ann@example.org", **more):
    said_of = {"name": "Ann Example", "email": email, "email_verified": True, "iat": time.time()}
    return {**said_of, "is_logged_in": True, **more}


def app_for(page, secrets=SECRETS, who=None, **query):
    """A page opened by its address with these secrets, by this user."""
    app = AppTest.from_file(str(ROOT / "pages" / f"{page}.py"), default_timeout=60)
    app.session_state["_routed_again"] = True
    app.secrets = secrets
    app.user = who or {"is_logged_in": False}
    app.query_params.update(query)
    return app.run()
