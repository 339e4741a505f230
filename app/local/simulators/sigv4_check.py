"""Checks an AWS signature, version 4: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

Written from the document and against botocore, apart from what signs: both may not be wrong alike.
"""

import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import quote, unquote

from app.local.simulators.call import Call

SKEW = 300.0  # seconds
SAFE = "-_.~"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/,]+)/(\d{8})/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request, ?"
    r"SignedHeaders=([a-z0-9;_-]+), ?Signature=([0-9a-f]{64})"
)

Wrong = tuple[str, str]  # type of the error and its text


def wrong_with(call: Call, access_key: str, secret_key: str, region: str, service: str) -> Wrong | None:
    """What is wrong with the signature of *call*; None when it is good."""
    found = _AUTHORIZATION.fullmatch(call.headers.get("Authorization", ""))
    if found is None:
        return "MissingAuthenticationTokenException", "Missing Authentication Token"
    key, day, its_region, its_service, signed, given = found.groups()
    if key != access_key:
        return "UnrecognizedClientException", "The security token included in the request is invalid."
    if (its_region, its_service) != (region, service):
        scope = f"Credential should be scoped to a valid region: '{region}', service '{service}'."
        return "InvalidSignatureException", scope
    names = signed.split(";")
    at = _moment(call.headers.get("X-Amz-Date", ""))
    if at is None or not {"host", "x-amz-date"} <= set(names) or names != sorted(names):
        return "IncompleteSignatureException", "host and x-amz-date have to be signed, in order."
    if abs(at - call.at) > SKEW:
        return "RequestExpired", "Signature expired: the clock of the client is more than five minutes off."
    if _signature(call, names, day, secret_key, f"{day}/{region}/{service}/aws4_request") != given:
        return "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided."
    return None


def _signature(call: Call, names: list[str], day: str, secret_key: str, scope: str) -> str:
    headers = "".join(f"{name}:{' '.join(_value(call.headers, name).split())}\n" for name in names)
    canonical = "\n".join([
        call.method, quote(call.whole_path, safe="/" + SAFE) or "/", _query(call.query), headers, ";".join(names),
        sha256(call.body).hexdigest(),
    ])  # fmt: skip
    moment = call.headers["X-Amz-Date"]
    signed = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{secret_key}".encode()
    for part in (day, *scope.split("/")[1:]):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, signed.encode(), "sha256").hex()


def _value(headers: Mapping[str, str], name: str) -> str:
    return headers.get(name, "")


def _query(raw: str) -> str:
    pairs = [each.partition("=") for each in raw.split("&") if each]
    coded = [(quote(unquote(name), safe=SAFE), quote(unquote(value), safe=SAFE)) for name, _, value in pairs]
    return "&".join(f"{name}={value}" for name, value in sorted(coded))


def _moment(text: str) -> float | None:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
