"""Frequency caps over all processes: one message a person, from whichever campaign goes first."""

import asyncio
import csv
import time
from collections import Counter
from typing import Any

import pytest

from app.clickhouse.contacts import import_people
from app.specs import CampaignSpec, Throttle
from app.things import Account, FrequencyCap
from tests.road.conftest import CONTENT, Installation

pytestmark = pytest.mark.integration

PEOPLE = 150


class Capped:
    """An account of its own, whose people may get one message a week."""

    def __init__(self, installation: Installation, name: str) -> None:
        self.installation, self.name = installation, name
        self.cap([FrequencyCap(messages=1, window=7 * 86_400)])
        path = installation.folder / f"{name}.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["email"])
            writer.writerows([f"{name}{i}@corp.example"] for i in range(PEOPLE))
        report = asyncio.run(import_people(installation.settings, path, "all", account=name))
        assert report.imported == PEOPLE

    def cap(self, caps: list[FrequencyCap]) -> None:
        settings = Account(name=self.name, frequency_caps=caps)
        done = self.installation.command(account=self.name, kind="account.set", settings=settings)
        assert done.answer.status == 200, done.answer

    def start(self, **spec: Any) -> str:
        asked = CampaignSpec(from_email="news@acme.example", lists=["all"], retry_delays=[0.5, 1.0], **spec)
        done = self.installation.command(
            account=self.name, kind="campaign.create", spec=asked, content=CONTENT, start=True
        )
        assert done.answer.status == 201, done.answer
        return done.answer.campaign

    def counted(self, campaign: str, name: str) -> dict[str, int]:
        """The counters of the campaign, once everybody counts in *name*."""
        deadline = time.monotonic() + 60
        while (counts := self.installation.view(f"/campaigns/{campaign}/")["counters"]).get(name, 0) < PEOPLE:
            assert time.monotonic() < deadline, counts
            time.sleep(0.1)
        return dict(counts)

    def mailed(self) -> Counter[str]:
        """How many messages each of its people has got."""
        return Counter(each.address for each in self.installation.sunk() if each.address.startswith(self.name))


def test_of_two_campaigns_the_one_of_higher_priority_gets_through(installation: Installation) -> None:
    """A recall notice must reach everybody, although a slow newsletter began before it; and nobody gets both."""
    capped = Capped(installation, "weekly")
    letter = capped.start(priority=10, throttle=Throttle(rate=2))
    capped.counted(letter, "listed")
    notice = capped.start(priority=90)
    first = installation.wait_for(notice, "COMPLETED")["counters"]
    done = installation.command(
        account=capped.name, kind="campaign.throttle", campaign=letter, throttle=Throttle(rate=1_000)
    )
    assert done.answer.status == 200, done.answer
    second = installation.wait_for(letter, "COMPLETED")["counters"]
    got = [sum(counts.get(name, 0) for name in ("sent", "delivered")) for counts in (first, second)]
    assert set(capped.mailed().values()) == {1} and len(capped.mailed()) == sum(got) == PEOPLE
    assert first.get("dropped.capped", 0) == got[1] < PEOPLE / 2  # the letters that had left before
    assert second["dropped.capped"] == got[0]
    assert installation.statuses(letter, PEOPLE) == {"SENT": got[1], "DROPPED": got[0]}
    sql = "SELECT DISTINCT class, detail FROM messages WHERE campaign = {campaign:String} AND status = 'DROPPED'"
    assert installation.rows(sql, campaign=letter) == [["capped", f"1 of 1 message in 7 d: {notice}"]]


def test_who_is_put_off_waits_until_the_caps_are_edited(installation: Installation) -> None:
    """A week is long; whoever changes the cap does not want to start the campaign again for it."""
    capped = Capped(installation, "patient")
    installation.wait_for(capped.start(), "COMPLETED")
    campaign = capped.start(capped="defer")
    assert capped.counted(campaign, "deferred.capped") == {"listed": PEOPLE, "deferred.capped": PEOPLE}
    assert set(capped.mailed().values()) == {1}
    capped.cap([FrequencyCap(messages=2, window=7 * 86_400)])
    counts = installation.wait_for(campaign, "COMPLETED")["counters"]
    assert counts["deferred.capped"] == PEOPLE and "dropped" not in counts
    assert Counter(capped.mailed().values()) == {2: PEOPLE}
