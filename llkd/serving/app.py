"""The ASGI application of a server: the decision interfaces, predictions, and what looks after it.

Each request is checked here, answered by a :class:`~llkd.serving.decider.Decider`, and written in
the form that its interface asks for.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from llkd.serving import decisions, system_one
from llkd.serving.bodies import Buffered, read_body
from llkd.serving.decider import Decider
from llkd.serving.entrance import Entrance, send_refusal
from llkd.serving.limits import Limits
from llkd.serving.metrics import Metrics
from llkd.serving.openapi import openapi_document
from llkd.serving.pages import card_page, interface_page
from llkd.serving.predictions import PredictRequest, predictions_document
from llkd.serving.questions import Reply, RequestRefused
from llkd.serving.wire import check_length, parse

PATHS = (
    "/", "/docs", "/openapi.json", "/health", "/ready", "/metrics", "/predict", "/v1/models",
    "/v1/decisions", "/v1/systemone",
)  # fmt: skip
_LOG = logging.getLogger(__name__)

Answer = Callable[[bytes], Awaitable[dict[str, Any]]]


def make_app(
    decider: Decider,
    limits: Limits | None = None,
    *,
    key: str | None = None,
    hosts: Sequence[str] | None = None,
    metrics: Metrics | None = None,
) -> Starlette:
    """The application that answers with ``decider``.

    Args:
        decider: who answers; it is started and closed with the application.
        limits: what a request may hold.
        key: what callers must send as ``Authorization: Bearer``; None lets anybody in.
        hosts: the names that a Host header may hold; None for any.
        metrics: counters that others add to, as well.
    """
    served = _Served(decider, limits or Limits(), metrics or Metrics(PATHS))
    register = getattr(decider, "register", None)
    if register is not None:
        register(served.metrics)
    served.metrics.watch(
        "llkd_waiting_texts", "Texts that wait", lambda: float(decider.facts().get("waiting", 0))
    )
    posts = {
        "/predict": served.predict,
        "/v1/decisions": served.decisions,
        "/v1/systemone": served.system_one,
    }
    routes = [
        Route(path, _Post(served, answer), methods=["POST"]) for path, answer in posts.items()
    ]
    routes += [
        Route("/", served.card),
        Route("/docs", served.interface),
        Route("/openapi.json", served.openapi),
        Route("/health", served.health),
        Route("/ready", served.ready),
        Route("/metrics", served.metrics_text),
        Route("/v1/models", served.models),
    ]

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await decider.start()
        served.taking = True
        try:
            yield
        finally:
            served.taking = False
            await decider.close()

    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers={HTTPException: _http_error, Exception: _unexpected},
    )
    app.router.redirect_slashes = False
    app.add_middleware(Entrance, metrics=served.metrics, key=key, hosts=hosts)
    return app


class _Post:
    """An endpoint that reads a body and answers it in JSON."""

    def __init__(self, served: _Served, answer: Answer) -> None:
        self._served, self._answer = served, answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope["path"])
        try:
            # Before the body is read: a full server spends nothing on what it refuses.
            self._served.decider.check_room()
            body = await read_body(scope, receive, self._served.limits, self._served.buffered)
            document = await self._answer(body)
        except RequestRefused as refusal:
            await send_refusal(refusal, path, send)
        except ClientDisconnect:
            return
        except Exception:
            _LOG.exception("A request could not be answered")
            sentence = "Something unexpected happened; the server's own output says what."
            await send_refusal(RequestRefused(sentence, 500, kind="server_error"), path, send)
        else:
            await _json(document)(scope, receive, send)


class _Served:
    """What the endpoints share."""

    def __init__(self, decider: Decider, limits: Limits, metrics: Metrics) -> None:
        self.decider, self.limits, self.metrics = decider, limits, metrics
        self.buffered = Buffered(limits.buffer_bytes)
        self.taking = False

    async def predict(self, body: bytes) -> dict[str, Any]:
        """``POST /predict``."""
        classes = self.decider.classes
        if classes is None:
            raise RequestRefused(
                "This server has no classes of its own: ask it at /v1/decisions or /v1/systemone, "
                "with your options.",
                404,
                kind="no_classes",
            )
        texts = parse(body, PredictRequest).all
        if len(texts) > self.limits.texts:
            raise RequestRefused(
                f"There are {len(texts):,} texts; at most {self.limits.texts:,} are taken in one "
                "call. Send the rest in another.",
                413,
                ("body", "texts"),
                "too_large",
            )
        for place, text in enumerate(texts):
            check_length(text, self.limits.characters, ("body", "texts", place))
        replies = await self.decider.classify(texts)
        self._count(len(texts), replies)
        return predictions_document(classes, replies, self.decider.model)

    async def decisions(self, body: bytes) -> dict[str, Any]:
        """``POST /v1/decisions``."""
        request = parse(body, decisions.DecisionsRequest)
        text, questions = decisions.questions_of(request)
        check_length(text, self.limits.characters, ("body", "input"))
        replies = await self.decider.decide(text, questions)
        self._count(1, replies)
        return decisions.answers_document(request, questions, replies, self.decider.model)

    async def system_one(self, body: bytes) -> dict[str, Any]:
        """``POST /v1/systemone``."""
        request = parse(body, system_one.SystemOneRequest)
        text, questions = system_one.questions_of(request)
        check_length(text, self.limits.characters, ("body", "state"))
        replies = await self.decider.decide(text, questions)
        self._count(1, replies)
        return system_one.answers_document(request, questions, replies, self.decider.model)

    def _count(self, texts: int, replies: Sequence[Reply]) -> None:
        self.metrics.texts.inc(texts)
        self.metrics.tokens.inc(sum(reply.tokens for reply in replies))

    async def models(self, request: Request) -> Response:
        """``GET /v1/models``: as the clients of both interfaces read it."""
        name, classes = self.decider.model, self.decider.classes
        what = "Answers any question" if classes is None else f"Tells {len(classes)} classes apart"
        return _json(
            {
                "object": "list",
                "data": [
                    {
                        "id": name,
                        "object": "model",
                        "created": 0,
                        "owned_by": "llkd",
                        "x_facts": self.decider.facts(),
                    }
                ],
                "models": [{"name": name, "description": what, "release_date": "1970-01-01"}],
            }
        )

    async def health(self, request: Request) -> Response:
        """``GET /health``: that it runs; to anybody, so no more than that."""
        return _json({"status": "ok", "model": self.decider.model})

    async def ready(self, request: Request) -> Response:
        """``GET /ready``: whether it takes requests now."""
        return _json({"ready": self.taking}, 200 if self.taking else 503)

    async def metrics_text(self, request: Request) -> Response:
        """``GET /metrics``."""
        return Response(self.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def openapi(self, request: Request) -> Response:
        """``GET /openapi.json``."""
        return _json(openapi_document(self.decider))

    async def interface(self, request: Request) -> Response:
        """``GET /docs``: the same for people."""
        return _page(interface_page(openapi_document(self.decider)))

    async def card(self, request: Request) -> Response:
        """``GET /``: the model card."""
        return _page(card_page(self.decider.model, self.decider.card()))


def _json(document: Any, status: int = 200) -> Response:
    return Response(to_json(document), status, media_type="application/json")


def _page(words: str) -> Response:
    # A page of words only: nothing in it runs, and nothing is fetched.
    return HTMLResponse(
        words,
        headers={
            "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; "
            "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        },
    )


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    sentence = {
        404: f"There is nothing at this path. See {', '.join(PATHS)}.",
        405: "This path takes another method.",
    }.get(status, "This request cannot be answered.")
    kind = {404: "not_found", 405: "method_not_allowed"}.get(status, "error")
    refusal = RequestRefused(sentence, status, kind=kind)
    form = system_one if request.url.path == "/v1/systemone" else decisions
    headers = error.headers if isinstance(error, HTTPException) else None
    response = _json(form.error_document(refusal), status)
    response.headers.update(headers or {})
    return response


async def _unexpected(request: Request, error: Exception) -> Response:
    refusal = RequestRefused("Something unexpected happened.", 500, kind="server_error")
    return _json(decisions.error_document(refusal), 500)
