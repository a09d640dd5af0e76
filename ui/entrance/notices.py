"""The short pages of those who are not let in, and the headers of every answer."""

from __future__ import annotations

from html import escape

from ui.entrance.visits import TOKEN, Visit

# Nobody may show the app in a frame, guess what a file is, or learn its addresses from a link.
HEADERS = (
    (b"content-security-policy", b"frame-ancestors 'none'; base-uri 'self'; object-src 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_POLICY = (
    b"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
)
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>LLKD Studio</title>{head}
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root {{ color-scheme: light dark }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 12vh auto }}
main {{ padding: 0 1rem }}
h1 {{ font-size: 1.4rem }} input, button {{ font: inherit; padding: .4rem .6rem }}
input {{ width: 100%; box-sizing: border-box; margin: .3rem 0 .6rem }}
code {{ overflow-wrap: anywhere }}
</style></head><body><main><h1>LLKD Studio</h1>{body}</main></body></html>
"""
_ASK = """<p>This is somebody's workplace, so it opens only with its token. <strong>Open the address
that was printed in the terminal when it was started</strong>: it ends in <code>?token=…</code>.</p>
{wrong}<form method="get" action="{action}">{hidden}
<label>Or type the token here
<input name="token" type="password" autocomplete="off" required></label>
<button>Open</button></form>
<p>The terminal is gone? Stop the program and start it again: it prints a new address.</p>"""
_WRONG = (
    "<p role=alert>That token is not the one of this server. Each start makes a new one, so an "
    "address of an earlier start no longer opens it.</p>"
)


def ask_for_token(visit: Visit) -> bytes:
    """How to get in."""
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in visit.query
        if name != TOKEN
    )
    action = escape(visit.address_without_token.partition("?")[0])
    wrong = _WRONG if visit.token is not None else ""
    return page(_ASK.format(wrong=wrong, hidden=hidden, action=action))


def come_again(visit: Visit) -> bytes:
    """A page that asks for the same address once more, now as this site's own.

    A browser that follows a link from elsewhere keeps a strict cookie back the first time.
    """
    address = escape(visit.address_without_token)
    head = f'<meta http-equiv="refresh" content="0;url={address}">'
    return page(f'<p><a href="{address}">Open LLKD Studio</a></p>', head)


def sentence(words: str) -> bytes:
    """One sentence as a page."""
    return page(f"<p>{escape(words)}</p>")


def page(body: str, head: str = "") -> bytes:
    """A whole page that loads nothing; ``body`` and ``head`` are HTML."""
    return _PAGE.format(body=body, head=head).encode()


def headers_of_page() -> list[tuple[bytes, bytes]]:
    """The headers of such a page."""
    own = [(name, value) for name, value in HEADERS if name != b"content-security-policy"]
    return [
        *own,
        (b"content-security-policy", _POLICY),
        (b"content-type", b"text/html; charset=utf-8"),
        (b"cache-control", b"no-store"),
    ]
