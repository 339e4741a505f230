"""Who agrees to be written to on the next channel of a campaign: by a yes of theirs, or by the agreement to a list."""

import json

import pytest

from app.delivery.fallbacks.onward import may_use
from app.records import Outgoing
from app.specs import CampaignSpec, Fallback


def asked(attributes: dict[str, object], **spec: object) -> bool:
    fields = {"channel": "whatsapp", "lists": ["l"], "fallbacks": [Fallback(channel="sms")]} | spec
    row = Outgoing(bytes(16), bytes(16), "+14155550100", json.dumps(attributes).encode())
    return may_use(CampaignSpec(**fields), "sms", row)


@pytest.mark.parametrize(("attributes", "may"), [
    ({"consent_whatsapp": True, "consent_sms": True}, True),
    ({"consent_whatsapp": True}, False),
    ({"consent_whatsapp": True, "consent_sms": "no"}, False),
    ({}, True),
    ({"consent_sms": False}, False),
    ({"consent_sms": "2026-01-01"}, True),
])  # fmt: skip
def test_who_says_yes_to_the_next_channel(attributes: dict[str, object], may: bool) -> None:
    """Without a yes to WhatsApp it was the list that they agreed to: that is an agreement for the phone."""
    assert asked(attributes) is may


def test_who_did_not_say_no_and_who_asked_for_it() -> None:
    assert asked({"consent_whatsapp": True}, consent="not_refused")
    assert not asked({"consent_sms": False}, consent="not_refused")
    assert asked({"consent_whatsapp": True}, kind="transactional", lists=[])
