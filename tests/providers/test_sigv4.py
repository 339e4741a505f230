"""AWS Signature Version 4: the official suite, requests as botocore signs them, and nothing that is changed."""

from datetime import UTC, datetime
from typing import Any
from unittest import mock
from urllib.parse import quote

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from app.providers.sigv4 import canonical_request, host_of, signed_headers, signing_key, string_to_sign
from tests.providers.samples import sample, with_a_byte_changed

FILE = sample("vectors-sigv4")
VECTORS = FILE["vectors"]
NAMES = [vector["name"] for vector in VECTORS]


def signed(
    vector: Any, body: bytes | None = None, path: str | None = None, secret: str | None = None
) -> dict[str, str]:
    """The headers of a vector's request, with something changed."""
    headers = {name: value for name, value in vector["headers"].items() if name not in ("host", "x-amz-date")}
    token = headers.pop("x-amz-security-token", "")
    at = datetime.strptime(vector["amz_date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    url = f"https://{vector['headers']['host']}{vector['path'] if path is None else path}"
    return signed_headers(
        vector["method"], url, headers, vector["body"].encode() if body is None else body, at,
        access_key=FILE["access_key"], secret_key=FILE["secret_key"] if secret is None else secret,
        session_token=token, region=vector["region"], service=vector["service"],
    )  # fmt: skip


@pytest.mark.parametrize("vector", VECTORS, ids=NAMES)
def test_known_signatures(vector: Any) -> None:
    """Each step of it, and the header that comes out."""
    path, _, query = vector["path"].partition("?")
    request = canonical_request(vector["method"], path, query, vector["headers"], vector["body"].encode())
    assert request == vector["canonical_request"]
    day = vector["amz_date"][:8]
    scope = f"{day}/{vector['region']}/{vector['service']}/aws4_request"
    assert string_to_sign(vector["amz_date"], scope, request) == vector["string_to_sign"]
    key = signing_key(FILE["secret_key"], day, vector["region"], vector["service"])
    assert key.hex() == vector["signing_key_hex"]
    assert signed(vector)["Authorization"] == vector["authorization"]


@pytest.mark.parametrize("vector", VECTORS, ids=NAMES)
def test_one_byte_changed_is_another_signature(vector: Any) -> None:
    """In the body, the path or the key."""
    good = signed(vector)["Authorization"]
    for body in with_a_byte_changed(vector["body"].encode() or b"x"):
        assert signed(vector, body=body)["Authorization"] != good
    for path in with_a_byte_changed(vector["path"].encode()):
        if path.startswith(b"/") and path.count(b"?") == vector["path"].count("?") and b"#" not in path:
            assert signed(vector, path=path.decode())["Authorization"] != good
    for secret in with_a_byte_changed(FILE["secret_key"].encode()):
        assert signed(vector, secret=secret.decode())["Authorization"] != good


PARTS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), min_size=1, max_size=12)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(PARTS, max_size=3), st.lists(st.tuples(PARTS, PARTS), max_size=3), st.binary(max_size=60),
    st.sampled_from(["", "token/=="]), st.sampled_from(["", ":8443"]), st.integers(1_000_000_000, 4_000_000_000),
)  # fmt: skip
def test_botocore_signs_the_same(
    path: list[str], query: list[tuple[str, str]], body: bytes, token: str, port: str, at: int
) -> None:
    """The library that AWS itself writes, on any request that we could build."""
    url = f"https://email.eu-west-1.amazonaws.com{port}/" + "/".join(quote(f"x{part}", safe="") for part in path)
    if query:
        url += "?" + "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query)
    headers = {"Content-Type": "application/json", "X-Odd": "  a   b "}
    ours = signed_headers(
        "POST", url, headers, body, float(at), access_key="AKID", secret_key="secret", session_token=token,
        region="eu-west-1", service="ses",
    )  # fmt: skip
    request = AWSRequest("POST", url, headers=headers, data=body)
    now = datetime.fromtimestamp(at, UTC)
    with mock.patch("botocore.auth.get_current_datetime", return_value=now.replace(tzinfo=None)):
        SigV4Auth(Credentials("AKID", "secret", token or None), "ses", "eu-west-1").add_auth(request)
    assert ours["Authorization"] == request.headers["Authorization"]
    assert ours["X-Amz-Date"] == request.headers["X-Amz-Date"]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://a.example/x", "a.example"), ("https://a.example:443/", "a.example"),
        ("http://127.0.0.1:80/", "127.0.0.1"), ("http://127.0.0.1:8080/", "127.0.0.1:8080"),
        ("https://[::1]:9/", "[::1]:9"), ("https://a.example:80/", "a.example:80"),
    ],
)  # fmt: skip
def test_the_host_is_signed_as_it_is_written(url: str, host: str) -> None:
    """Without the port that everybody knows."""
    assert host_of(url) == host
