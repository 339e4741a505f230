"""AWS Signature Version 4. https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html"""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"
_DEFAULT_PORTS = {"https": 443, "http": 80}


def signed_headers(
    method: str, url: str, headers: Mapping[str, str], body: bytes, at: float, *,
    access_key: str, secret_key: str, session_token: str = "", region: str, service: str,
) -> dict[str, str]:  # fmt: skip
    """*headers* and those that sign them, with the host and the time *at*. The host is for the client to write."""
    moment = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")
    made = {**headers, "X-Amz-Date": moment}
    if session_token:
        made["X-Amz-Security-Token"] = session_token
    split = urlsplit(url)
    request = canonical_request(method, split.path, split.query, {**made, "host": host_of(url)}, body)
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    key = signing_key(secret_key, moment[:8], region, service)
    signature = hmac.digest(key, string_to_sign(moment, scope, request).encode(), "sha256").hex()
    names = ";".join(sorted(name.lower() for name in (*made, "host")))
    made["Authorization"] = f"{ALGORITHM} Credential={access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return made


def host_of(url: str) -> str:
    """The Host of a request to *url*, as HTTP clients write it."""
    split = urlsplit(url)
    host = split.netloc.rpartition("@")[2]
    return host.rpartition(":")[0] if split.port == _DEFAULT_PORTS.get(split.scheme) else host


def canonical_request(method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> str:
    """The request as it is signed. *path* and *query* as they are on the wire, where they are encoded once."""
    fields = sorted((name.lower(), " ".join(value.split())) for name, value in headers.items())
    return "\n".join([
        method,
        quote(path or "/", safe="/~"),  # a second time, as for every service but S3
        "&".join("=".join(pair) for pair in sorted(_pair(each) for each in query.split("&") if each)),
        *[f"{name}:{value}" for name, value in fields],
        "",
        ";".join(name for name, _ in fields),
        sha256(body).hexdigest(),
    ])  # fmt: skip


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def string_to_sign(moment: str, scope: str, request: str) -> str:
    """What the key is used on."""
    return f"{ALGORITHM}\n{moment}\n{scope}\n{sha256(request.encode()).hexdigest()}"


@lru_cache(maxsize=64)
def signing_key(secret_key: str, day: str, region: str, service: str) -> bytes:
    """The key of one day (YYYYMMDD), region and service."""
    key = f"AWS4{secret_key}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
