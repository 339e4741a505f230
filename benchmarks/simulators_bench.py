"""How much the simulators take: what benchmarks of adapters are measured against must not be what is measured.

python -m benchmarks.simulators_bench
"""

import base64
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import psutil
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from app.local.ports import answers, free_ports, wait_until
from app.local.simulators.keys import Keys
from benchmarks import http_load

SECONDS = 4.0
BATCH = 1_000
CONNECTIONS = 16


def _post(path: str, headers: dict[str, str], body: bytes, host: str = "127.0.0.1") -> bytes:
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _sendgrid(keys: Keys, batch: int) -> Iterator[bytes]:
    headers = {"Authorization": f"Bearer {keys.text('sendgrid-api-key')}", "Content-Type": "application/json"}
    for number in itertools.count():
        many = [
            {
                "to": [{"email": f"p{number}x{each}@example.com", "name": "Ann"}],
                "custom_args": {"msg_id": f"{number * batch + each:032x}", "attempt": "1"},
                "substitutions": {"-name-": "Ann", "-link-": f"https://u.example.com/{each}"},
                "headers": {"List-Unsubscribe": f"<https://u.example.com/u/{each}>"},
            }
            for each in range(batch)
        ]
        mail = {
            "personalizations": many, "from": {"email": "news@example.com"}, "subject": "Hello -name-",
            "content": [{"type": "text/plain", "value": "Hi"}, {"type": "text/html", "value": "x" * 20_000}],
        }  # fmt: skip
        yield _post("/sendgrid/v3/mail/send", headers, json.dumps(mail).encode())


def _twilio(keys: Keys) -> Iterator[bytes]:
    account, token = keys.text("twilio-account-sid"), keys.text("twilio-auth-token")
    headers = {
        "Authorization": "Basic " + base64.b64encode(f"{account}:{token}".encode()).decode(),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    for number in itertools.count():
        form = {
            "To": f"+1415{number % 10_000_000:07d}", "From": "+15005550006", "Body": "Spring sale: 20 % off, Ann!",
            "StatusCallback": f"http://127.0.0.1:1/hooks/twilio/x?m={number:032x}&a=1",
        }  # fmt: skip
        yield _post(f"/twilio/2010-04-01/Accounts/{account}/Messages.json", headers, urlencode(form).encode())


def _ses(keys: Keys, port: int) -> Iterator[bytes]:
    """One request, signed once: its signature is good for five minutes, and checking it is what costs."""
    raw = base64.b64encode(b"From: news@example.com\r\nTo: p@example.com\r\nSubject: x\r\n\r\n" + b"Hello\r\n" * 3_000)
    mail = {
        "FromEmailAddress": "news@example.com", "Destination": {"ToAddresses": ["p@example.com"]},
        "Content": {"Raw": {"Data": raw.decode()}}, "EmailTags": [{"Name": "msg_id", "Value": "ab" * 16}],
    }  # fmt: skip
    account = Credentials(keys.text("ses-access-key"), keys.text("ses-secret-key"))
    path = "/ses/v2/email/outbound-emails"
    kind, body, host = {"Content-Type": "application/json"}, json.dumps(mail).encode(), f"127.0.0.1:{port}"
    request = AWSRequest("POST", f"http://{host}{path}", kind, body)
    SigV4Auth(account, "ses", "us-east-1").add_auth(request)
    made = request.prepare().headers.items()
    headers = {name: str(value) for name, value in made if name.lower() not in ("host", "content-length")}
    yield from itertools.repeat(_post(path, headers, body, host))


def main() -> None:
    """Print a line for each way of sending."""
    folder = Path(tempfile.mkdtemp(prefix="fanfare-simulators-"))
    begin = folder / "begin.json"
    # Twilio is told where to report with each message; reports have benchmarks of their own.
    quiet = {"latency_ms": 0, "reports": False}
    begin.write_text(json.dumps({"sendgrid": {"latency_ms": 0}, "twilio": quiet, "ses": quiet}))
    port = free_ports(20)
    command = [sys.executable, "-m", "app.local.simulator", "--port", str(port), "--dir", str(folder)]
    process = subprocess.Popen([*command, "--begin", str(begin), "--only", "sendgrid,twilio,ses"])
    try:
        wait_until(lambda: answers(port), 20, "the simulators")
        keys, used = Keys(folder / "keys"), psutil.Process(process.pid)
        batches = list(itertools.islice(_sendgrid(keys, BATCH), 60))  # made before: the maker is slower than the taker
        for name, requests, each in (
            ("sendgrid, 1,000 a call", itertools.cycle(batches), BATCH),
            ("sendgrid, one a call", _sendgrid(keys, 1), 1),
            ("twilio, one a call", _twilio(keys), 1),
            ("ses, one a call of 28 kB", _ses(keys, port), 1),
        ):
            before, began = sum(used.cpu_times()[:2]), time.monotonic()
            load = http_load.run(port, requests, connections=CONNECTIONS, seconds=SECONDS)
            cpu = (sum(used.cpu_times()[:2]) - before) / (time.monotonic() - began)
            rate, statuses = load.per_second * each, dict(load.statuses)
            print(f"{name}: {rate:,.0f}/s at {cpu:.0%} of a core: {rate / cpu:,.0f} of a whole one {statuses}")
    finally:
        process.terminate()
        process.wait(10)


if __name__ == "__main__":
    main()
