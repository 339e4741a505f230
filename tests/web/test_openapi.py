"""The OpenAPI document and the API page: what they promise, and that they need nothing from elsewhere."""

import json
import re
from typing import Any

import pytest
import schemathesis
from aiohttp.test_utils import TestClient, TestServer

from app.settings import Settings
from app.web.api.routes import ENDPOINTS
from app.web.application import create_edge
from app.web.openapi import document, operation_id, statuses
from app.web.problems import EXPLAINED_AT, TYPES
from tests.web.conftest import NOBODY

DOCUMENT = document(ENDPOINTS)


async def fetched(path: str) -> tuple[int, str, str]:
    """(status, media type, text) from an edge that has neither Kafka nor ClickHouse."""
    settings = Settings(kafka=f"127.0.0.1:{NOBODY}", clickhouse=f"http://127.0.0.1:{NOBODY}")
    async with TestClient(TestServer(create_edge(settings, b"k" * 32))) as client:
        answer = await client.get(path)
        return answer.status, answer.content_type, await answer.text()


def test_the_document_is_valid_openapi() -> None:
    """
    Clients and tools are generated from it.
    """
    schemathesis.openapi.from_dict(DOCUMENT).validate()
    assert DOCUMENT["openapi"] == "3.1.0"
    assert len(DOCUMENT["paths"]) > 10


def test_every_reference_leads_somewhere() -> None:
    """
    One that does not breaks generators with a message that names no file.
    """

    def references(part: Any) -> list[str]:
        if isinstance(part, dict):
            own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
            return own + [each for value in part.values() for each in references(value)]
        return [each for value in part for each in references(value)] if isinstance(part, list) else []

    for reference in references(DOCUMENT):
        found: Any = DOCUMENT
        for name in reference.removeprefix("#/").split("/"):
            found = found[name]


def test_every_operation_has_a_name_of_its_own_and_says_what_it_is() -> None:
    """
    Names become functions in clients: two of one name are one too few.
    """
    names = [operation_id(each) for each in ENDPOINTS]
    assert sorted(names) == sorted(set(names))
    assert [each.path for each in ENDPOINTS if not (each.handler.__doc__ or "").strip()] == []


def test_every_status_is_explained() -> None:
    """
    A client that meets a status for the first time looks it up.
    """
    assert {status for each in ENDPOINTS for status in statuses(each)} <= set(TYPES)


@pytest.mark.parametrize("endpoint", [each for each in ENDPOINTS if each.example], ids=operation_id)
def test_the_examples_are_taken(endpoint: Any) -> None:
    """
    They are what people try first.
    """
    assert endpoint.body is not None
    endpoint.body.model_validate(dict(endpoint.example))


async def test_document_and_page_are_served_without_a_key_and_without_kafka() -> None:
    """
    Who reads how to make a key has none yet.
    """
    status, media, text = await fetched("/openapi.json")
    assert (status, media) == (200, "application/json")
    assert json.loads(text) == json.loads(json.dumps(DOCUMENT))


async def test_the_page_tells_of_everything_and_loads_nothing_from_elsewhere() -> None:
    """
    It is read offline, behind firewalls, and without JavaScript.
    """
    status, media, text = await fetched("/docs")
    assert (status, media) == (200, "text/html")
    for endpoint in ENDPOINTS:
        assert f'id="{operation_id(endpoint)}"' in text
    anchors = set(re.findall(r'id="([^"]+)"', text))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= anchors
    assert {f"problem-{each.name}" for each in TYPES.values()} <= anchors
    assert EXPLAINED_AT == "/docs#problem-"
    loaded = re.findall(r'(?:src|<link[^>]+href)="([^"]+)"', text)
    assert loaded and all(each.startswith("/static/") for each in loaded)
    assert "<script" not in text
