"""The OpenAPI document of the studio, made from the types of its endpoints."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import msgspec

from studio.web.endpoints import Endpoint, File
from studio.web.replies import Problem

FIELD = re.compile(r"\{(\w+)\}")
REFERENCE = "#/components/schemas/{name}"


def api_document(prefix: str, endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document.

    Args:
        prefix: of every path.
        endpoints: the routes.

    Returns:
        The document, as JSON-like values.
    """
    types = list(dict.fromkeys(each for one in endpoints for each in (one.takes, one.returns) if each is not File))
    schemas, components = msgspec.json.schema_components([*types, Problem], ref_template=REFERENCE)
    by_type = dict(zip([*types, Problem], schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(prefix + endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, prefix, by_type)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Pisada studio", "version": version("pisada")},
        "paths": paths,
        "components": {"schemas": components},
    }


def _operation(endpoint: Endpoint, prefix: str, by_type: dict[type, Any]) -> dict[str, Any]:
    in_path = FIELD.findall(prefix + endpoint.path)
    fields = {field.encode_name: field for field in msgspec.structs.fields(endpoint.takes)}
    parameters = [{"name": name, "in": "path", "required": True, "schema": _schema(fields, name)} for name in in_path]
    in_query = endpoint.method == "GET" or endpoint.upload
    if in_query:
        parameters += [
            {"name": name, "in": "query", "required": field.required, "schema": _schema(fields, name)}
            for name, field in fields.items()
            if name not in in_path
        ]
    operation: dict[str, Any] = {
        "operationId": f"{endpoint.method.lower()}{re.sub(r'[^a-zA-Z]+', '_', endpoint.path)}".strip("_"),
        "summary": endpoint.doc,
        "parameters": parameters,
        "responses": {
            "200": {"description": "what was asked for", "content": _content(endpoint, by_type)},
            "4XX": {"description": "one line that says what is wrong", "content": _json(by_type[Problem])},
        },
    }
    if endpoint.upload:
        operation["requestBody"] = {"content": {"application/octet-stream": {}}}
    elif not in_query and set(fields) - set(in_path):
        operation["requestBody"] = {"content": _json(by_type[endpoint.takes])}
    return operation


def _schema(fields: dict[str, Any], name: str) -> dict[str, Any]:
    return msgspec.json.schema(fields[name].type) if name in fields else {"type": "string"}


def _json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _content(endpoint: Endpoint, by_type: dict[type, Any]) -> dict[str, Any]:
    return {"application/octet-stream": {}} if endpoint.returns is File else _json(by_type[endpoint.returns])
