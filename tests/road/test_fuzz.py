"""The API is fuzzed from its own OpenAPI document, against a whole installation: nothing sent makes it fail."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from schemathesis import Case
from schemathesis.checks import not_a_server_error

from app.web.api.routes import ENDPOINTS
from app.web.openapi import document
from tests.road.conftest import Installation
from tests.road.rest_client import Rest, rest

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore:Skipped test cases with unsupported payload"),  # of uploads: CSV is fuzzed
]

SCHEMA = schemathesis.openapi.from_dict(document(ENDPOINTS))
TREES = "/segments"  # a filter is a tree: to vary each field at each depth takes ten thousand requests
BOUNDED = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}


@pytest.fixture(scope="module")
def api(installation: Installation) -> Rest:
    """The API with the key of an administrator of an account of its own."""
    return rest(installation, "admin", account="fuzzed")


def send(api: Rest, case: Case) -> None:
    """Send it, and fail for a 5xx."""
    case.call_and_validate(
        base_url=api.address, headers={"Authorization": f"Bearer {api.key}"}, checks=[not_a_server_error], timeout=30
    )


@seeded(20_261)
@SCHEMA.exclude(path_regex=TREES).parametrize()
@settings(max_examples=3, phases=[Phase.explicit, Phase.generate], **BOUNDED)
def test_nothing_that_is_sent_makes_the_edge_fail(api: Rest, case: Case) -> None:
    """
    Bad input gets an answer that helps: a 5xx would be a bug of ours, for which others wait at night.
    """
    send(api, case)


@seeded(20_262)
@SCHEMA.include(path_regex=TREES).parametrize()
@settings(max_examples=25, phases=[Phase.generate], **BOUNDED)
def test_no_filter_makes_the_edge_fail(api: Rest, case: Case) -> None:
    """
    A filter becomes SQL: what is odd must be refused before, in words.
    """
    send(api, case)
