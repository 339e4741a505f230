"""`fanfare domain`: keys that only their owner can read, records to copy, and a check that ends with what is wrong."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.main import app
from app.content.dkim import from_domain
from app.settings import settings
from app.transport.dkim_keys import DkimSigner, folder_in, keys_of, undoubled
from tests.transport.dns_server import dns_server


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FANFARE_STATE_DIR", str(tmp_path))
    settings.cache_clear()
    return tmp_path


def run(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["domain", *words])
    assert done.exit_code == code, done.output
    return done.output


def test_keys_are_made_once_and_are_nobody_elses(state: Path) -> None:
    first = json.loads(run("create", "Acme.example", "--ip", "192.0.2.25", "--json"))
    assert first["selectors"] == ["fanfare1", "fanfare1e"]
    assert json.loads(run("create", "acme.example", "--ip", "192.0.2.25", "--json")) == first
    paths = sorted(folder_in(state).rglob("*.pem"))
    assert [path.name for path in paths] == ["fanfare1.pem", "fanfare1e.pem"]
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o600}
    assert "acme.example" in run("list") and '"rsa-sha256"' in run("list", "--json")
    shown = run("records", "acme.example", "--ip", "192.0.2.25")
    assert '"v=spf1 ip4:192.0.2.25 ~all"' in shown and "fanfare1e._domainkey.acme.example." in shown


def test_mail_of_a_domain_with_keys_is_signed_and_no_other(state: Path) -> None:
    run("create", "acme.example")
    signer = DkimSigner(folder_in(state), lambda: 1_700_000_000.0)
    text = b"From: a@news.acme.example\r\n\r\nhi\r\n..dot\r\n"
    assert signer.signatures(text).count(b"d=acme.example") == 2
    assert signer.signatures(text.replace(b"acme", b"other")) == b""
    assert signer.signatures(b"") == b"" and from_domain(undoubled(b"..x")) == ""
    other = signer.signatures(text.replace(b"..dot", b"...dot"))
    assert other != signer.signatures(text), "the text is signed as it is read, without doubled dots"


def test_a_key_that_cannot_be_read_is_told_and_stops_no_mail(state: Path) -> None:
    run("create", "acme.example")
    path = folder_in(state) / "acme.example" / "fanfare1.pem"
    path.write_text("no key")
    told: list[str] = []
    assert [key.selector for key in keys_of(folder_in(state), "acme.example", told.append)] == ["fanfare1e"]
    assert len(told) == 1 and "fanfare1.pem" in told[0]
    assert DkimSigner(folder_in(state)).signatures(b"From: a@acme.example\r\n\r\nhi\r\n").count(b"DKIM-Signature") == 1


@pytest.mark.usefixtures("state")
async def test_the_check_ends_with_what_is_wrong() -> None:
    import asyncio

    async with dns_server() as server:
        server.mx("acme.example", "10 mx.acme.example.")
        server.records["mx.acme.example", "A"] = ["192.0.2.1"]
        words = ("check", "acme.example", "--no-tls", "--dns", f"127.0.0.1:{server.port}")
        told = json.loads(await asyncio.to_thread(run, *words, "--json", code=1))
        assert {each["part"] for each in told["findings"] if each["level"] == "error"} == {"spf", "dkim", "dmarc"}
        shown = await asyncio.to_thread(run, *words, code=1)
        assert "WRONG" in shown and '_dmarc.acme.example.  IN  TXT  "v=DMARC1; p=none' in shown


@pytest.mark.usefixtures("state")
@pytest.mark.parametrize("words", [
    ("check", "no domain"), ("check", "acme.example", "--ip", "1.2.3"), ("check", "acme.example", "--dns", "nowhere"),
    ("create", "acme.example", "--selector", "../x"), ("create", "../../etc"),
])  # fmt: skip
def test_what_is_misspelt_is_said(words: tuple[str, ...], tmp_path: Path) -> None:
    assert run(*words, code=2)
    assert not list(tmp_path.rglob("*.pem"))
