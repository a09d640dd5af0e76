"""The interfaces as an OpenAPI 3.1 document, from the models that check the requests."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from llkd.serving.decider import Decider
from llkd.serving.decisions import DecisionsRequest
from llkd.serving.predictions import PredictRequest
from llkd.serving.system_one import SystemOneRequest

_POSTS = {
    "/predict": (PredictRequest, "Texts in, labels with probabilities out"),
    "/v1/decisions": (DecisionsRequest, "Questions about an input, as OpenAI's clients ask them"),
    "/v1/systemone": (SystemOneRequest, "Questions about a state, as System One's clients ask"),
}
_GETS = {
    "/": "The model card",
    "/docs": "This document for people",
    "/health": "That the server runs; needs no key",
    "/ready": "Whether it takes requests now; needs no key",
    "/metrics": "Counters in Prometheus' text format",
    "/v1/models": "The model and what is known of it, in the forms of both interfaces",
}
_ERRORS = {
    "400": "The request cannot be answered, or its headers can be read in two ways",
    "401": "The key is missing or wrong",
    "408": "The body was not there in time",
    "413": "Too large",
    "415": "No JSON, or packed in a way that is not read here",
    "421": "The server goes by another name",
    "422": "The request cannot be answered (/v1/systemone)",
    "429": "Too much waits: come back after Retry-After seconds",
    "500": "Something unexpected happened",
}


def openapi_document(decider: Decider) -> dict[str, Any]:
    """The document of a server that answers with ``decider``."""
    models = [(model, "validation") for model, _ in _POSTS.values()]
    _, schemas = models_json_schema(models, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    paths: dict[str, Any] = {
        path: {"get": {"summary": what, "responses": {"200": {"description": "OK"}}}}
        for path, what in _GETS.items()
    }
    errors = {code: {"description": words} for code, words in _ERRORS.items()}
    for path, (model, what) in _POSTS.items():
        if path == "/predict" and decider.classes is None:
            continue
        reference = {"$ref": f"#/components/schemas/{model.__name__}"}
        paths[path] = {
            "post": {
                "summary": what,
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": reference}},
                },
                "responses": {"200": {"description": "Answers, in order"}, **errors},
            }
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": decider.model, "version": "1"},
        "paths": paths,
        "components": {
            "schemas": schemas.get("$defs", {}),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }
