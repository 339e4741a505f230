"""The client library against a real broker."""

import time

import pytest

from app.commands import Answer, Command
from app.control import Control, NoAnswerError, UnreachableError
from app.records import ClassDemand, Demand
from app.settings import Settings
from tests.web.conftest import NOBODY, Planes, campaign_entry

pytestmark = pytest.mark.integration


async def test_a_command_gets_the_answer_of_its_owner(settings: Settings, planes: Planes) -> None:
    """
    Who starts a campaign must learn whether it started.
    """
    async with Control(settings) as control, planes.answering(status=200, state="RUNNING") as seen:
        done = await control.send(Command(id="start-1", kind="campaign.start", campaign="cmp_a"))
    assert (done.answer.status, done.answer.campaign, done.effective) == (200, "cmp_a", None)
    assert [each.id for each in seen] == ["start-1"]


async def test_without_an_owner_a_command_fails_in_time_and_says_what_to_do(settings: Settings) -> None:
    """
    A terminal that hangs tells nobody that pacing is down.
    """
    async with Control(settings) as control:
        with pytest.raises(NoAnswerError, match="may still be carried out") as caught:
            await control.send(Command(id="lonely", kind="campaign.start", campaign="cmp_a"), timeout=0.3)
    assert "fanfare status" in caught.value.advice


async def test_without_kafka_the_error_names_the_address() -> None:
    """
    The most common trouble of a newcomer: nothing runs.
    """
    with pytest.raises(UnreachableError, match=f"127.0.0.1:{NOBODY}") as caught:
        async with Control(Settings(kafka=f"127.0.0.1:{NOBODY}")):
            pass
    assert "fanfare up" in caught.value.advice


async def test_a_wrong_number_of_partitions_is_told_and_nothing_is_read(settings: Settings) -> None:
    """
    Counts summed over half of the partitions would be wrong without anybody noticing.
    """
    with pytest.raises(UnreachableError, match="partitions, not 16"):
        async with Control(settings.model_copy(update={"partitions": 16})):
            pass


async def test_pause_is_effective_once_every_living_sender_has_heard_it(settings: Settings, planes: Planes) -> None:
    """
    After pause returns, only what was on the wire may leave.
    """
    now = time.time()
    await planes.beat("senders-email-0", now, directory=41)
    await planes.beat("senders-email-1", now - 60, directory=3)  # dead for a minute: sends nothing
    async with Control(settings) as control, planes.answering(status=200, state="PAUSED", position=42):
        await planes.beat("senders-email-0", time.time(), directory=42)
        done = await control.send(Command(id="pause-1", kind="campaign.pause", campaign="cmp_a"))
    assert done.effective is True


async def test_pause_is_not_called_effective_while_a_sender_lags(settings: Settings, planes: Planes) -> None:
    """
    A caller who believes in a pause that is none mails thousands by mistake.
    """
    async with Control(settings) as control:
        await planes.beat("senders-email-0", time.time() + 2, directory=7)
        assert await control.heard_by_senders(8, timeout=0.3) is False
        await planes.beat("senders-email-0", time.time() + 2, directory=8)
        assert await control.heard_by_senders(8, timeout=5) is True


async def test_live_counts_are_there_right_after_connecting(settings: Settings, planes: Planes) -> None:
    """
    `fanfare campaign status` runs for a moment only: it must read the last snapshots.
    """
    await planes.entry(campaign_entry("cmp_counts"))
    for partition in range(2):
        demand = ClassDemand("cmp_counts", "bulk", "gmail", due=5, next_due=0.0, open=2)
        counters = {"cmp_counts": {"listed": 100, "delivered": 40, "bounced": 2}}
        await planes.demand(Demand(partition, 7, 1, time.time(), True, 0, [demand], counters))
    async with Control(settings) as control:
        picture = control.picture("cmp_counts")
    assert picture.complete
    assert (picture.counts["delivered"], picture.final, picture.waiting) == (80, 84, 116)
    assert (picture.due, picture.open) == (10, 4)


async def test_an_answer_to_somebody_else_is_not_ours(settings: Settings, planes: Planes) -> None:
    """
    Two accounts may use the same idempotency key.
    """
    async with Control(settings) as control:
        await planes.answer(Answer(id="same", account="other", status=200))
        with pytest.raises(NoAnswerError):
            await control.send(Command(id="same", kind="campaign.start", campaign="cmp_a"), timeout=0.3)
