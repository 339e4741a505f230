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
    monkeypatch.setenv("FANFARE_KAFKA", "127.0.0.1:9")  # nobody answers there
    monkeypatch.delenv("FANFARE_BOUNCE_DOMAIN", raising=False)
    settings.cache_clear()
    return tmp_path


def run(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["domain", *words])
    assert done.exit_code == code, done.output
    return done.stdout or done.output


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
async def test_the_bounce_domains_of_settings_and_routes_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Receivers ask SPF of the envelope's domain, and a bounce to a domain without MX is lost."""
    import asyncio

    monkeypatch.setenv("FANFARE_BOUNCE_DOMAIN", "b.acme.example, b.other.example")
    monkeypatch.setattr("app.cli.domain._of_routes", lambda: ["c.acme.example"])
    settings.cache_clear()
    async with dns_server() as server:
        server.mx("b.acme.example", "10 mx.acme.example.")
        server.records["mx.acme.example", "A"] = ["192.0.2.1"]
        server.records["b.acme.example", "TXT"] = ['"v=spf1 ip4:192.0.2.1 -all"']
        words = ("check", "acme.example", "--no-tls", "--ip", "192.0.2.1", "--dns", f"127.0.0.1:{server.port}")
        told = json.loads(await asyncio.to_thread(run, *words, "--helo", "mx.acme.example", "--json", code=1))
        of_bounces = [each for each in told["findings"] if each["part"] == "bounces"]
        found = [(each["level"], each["text"].partition(":")[0]) for each in of_bounces]
        assert found == [
            ("ok", "bounces to b.acme.example go to mx.acme.example"), ("ok", "b.acme.example"),
            ("error", "c.acme.example has no MX"), ("error", "c.acme.example"),
        ]  # fmt: skip
        to_publish = [each["record"] for each in of_bounces if each["record"]]
        assert [each["name"] for each in to_publish] == ["c.acme.example"] * 2
        named = json.loads(await asyncio.to_thread(run, *words, "--bounces", "b.acme.example", "--json", code=1))
        assert [each["level"] for each in named["findings"] if each["part"] == "bounces"] == ["ok", "ok"]
    shown = run("records", "acme.example", "--ip", "192.0.2.1", "--helo", "mx.acme.example")
    assert "b.acme.example.  IN  MX  10 mx.acme.example." in shown and 'c.acme.example.  IN  TXT  "v=spf1' in shown
    assert "b.other.example" not in shown
    assert "name it with --helo" in run("records", "acme.example")


@pytest.mark.usefixtures("state")
def test_without_kafka_the_check_goes_on_and_says_what_it_does_not_know() -> None:
    done = CliRunner().invoke(app, ["domain", "records", "acme.example", "--json"])
    assert done.exit_code == 0 and json.loads(done.stdout)["records"]
    assert "Kafka does not answer" in done.stderr


@pytest.mark.usefixtures("state")
@pytest.mark.parametrize("words", [
    ("check", "no domain"), ("check", "acme.example", "--ip", "1.2.3"), ("check", "acme.example", "--dns", "nowhere"),
    ("create", "acme.example", "--selector", "../x"), ("create", "../../etc"),
])  # fmt: skip
def test_what_is_misspelt_is_said(words: tuple[str, ...], tmp_path: Path) -> None:
    assert run(*words, code=2)
    assert not list(tmp_path.rglob("*.pem"))
