"""Two lanes: a message of its own does not wait behind a campaign."""

import asyncio
import time
from collections.abc import Callable, Iterator
from hashlib import blake2b

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from app import ids, topics
from app.local.ports import wait_until
from app.records import Recipient, RecipientPack, encode
from app.specs import CampaignSpec
from tests.road.conftest import CONTENT, Installation

pytestmark = pytest.mark.integration

BULK = 20_000
REQUESTS = 12


@pytest.fixture
def transactional(installation: Installation) -> Iterator[str]:
    """A transactional campaign that runs; its id. It is cancelled in the end."""
    spec = CampaignSpec(from_email="receipts@acme.example", kind="transactional", retry_delays=[0.5])
    done = installation.command(kind="campaign.create", spec=spec, content=CONTENT, start=True)
    assert (done.answer.status, done.answer.state) == (201, "RUNNING")
    yield done.answer.campaign
    assert installation.command(kind="campaign.cancel", campaign=done.answer.campaign).answer.status == 200
    installation.wait_for(done.answer.campaign, "CANCELLED")


def request(installation: Installation, campaign: str, number: int, name: str = "") -> tuple[int, RecipientPack, str]:
    """(partition, pack of one, id of its message) of a request to write to one person."""
    address = f"buyer{number}@corp.example"
    recipient = ids.recipient_id(installation.settings.secret_path.read_bytes(), "email", address)
    pack_id = blake2b(f"{campaign}|{name or number}".encode(), digest_size=16).digest()
    row = Recipient(recipient, address, "other", orjson.dumps({"first_name": f"Buyer {number}"}))
    day = int(time.time() // 86_400)
    pack = RecipientPack(pack_id, "default", campaign, 1, day, topics.TRANSACTIONAL, [row])
    message = ids.message_id(day, f"{campaign}|{pack_id.hex()}", 1, recipient, "email").hex()
    return ids.partition_of(recipient, installation.settings.partitions), pack, message


def publish(
    installation: Installation, packs: list[tuple[int, RecipientPack, str]], when: Callable[[], bool] = lambda: True
) -> None:
    """Put *packs* onto the transactional lane, once it is time."""

    async def put() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=installation.settings.kafka)
        await producer.start()
        try:
            wait_until(when, 60, "its time")
            for partition, pack, _ in packs:
                await producer.send_and_wait(topics.LISTED_TRANSACTIONAL, encode(pack), partition=partition)
        finally:
            await producer.stop()

    asyncio.run(put())


def wait_until_final(installation: Installation, campaign: str, messages: int, seconds: float = 60.0) -> dict[str, int]:
    """The counters of *campaign* once so many of its messages have come to an end."""
    deadline = time.monotonic() + seconds
    while (seen := installation.view(f"/campaigns/{campaign}/"))["final"] < messages:
        assert time.monotonic() < deadline, seen
        time.sleep(0.1)
    return dict(seen["counters"])


def test_a_message_of_its_own_overtakes_a_campaign(installation: Installation, transactional: str) -> None:
    """
    A password reset in the middle of a newsletter: it is taken before most of what was waiting before it came.
    """
    people = [{"email": f"lane{i}@corp.example", "first_name": "Ann", "city": "Ulm"} for i in range(BULK)]
    installation.people("lanes", people)
    packs = [request(installation, transactional, number) for number in range(REQUESTS)]
    before = len(installation.sunk())
    bulk = installation.start("lanes")
    publish(installation, packs, lambda: len(installation.sunk()) - before > 500)
    asked_at = len(installation.sunk()) - before
    counters = wait_until_final(installation, transactional, REQUESTS)
    installation.wait_for(bulk, "COMPLETED")
    order = [each.message for each in installation.sunk()[before:]]
    mine = [order.index(message) for _, _, message in packs if message in order]
    assert len(mine) == counters["sent"] >= REQUESTS // 2  # the sink refuses some, as providers do
    assert max(mine) < (asked_at + BULK) / 2, f"places {mine} of {len(order)}, asked for at {asked_at}"


def test_a_request_that_comes_twice_is_one_message_and_two_requests_are_two(
    installation: Installation, transactional: str
) -> None:
    """
    Programs repeat what was not answered in time; and a person may well buy twice on one day.
    """
    first, second = (request(installation, transactional, 3, name) for name in ("order 1", "order 2"))
    publish(installation, [first, first, second, first])
    counters = wait_until_final(installation, transactional, 2)
    assert counters["listed"] == 2
    accepted = [each.message for each in installation.sunk()]
    assert sorted(accepted.count(message) for _, _, message in (first, second)) == [1, 1]


def test_a_transactional_campaign_ends_when_it_is_cancelled(installation: Installation, transactional: str) -> None:
    """
    It has no audience that could be complete; cancelled, it takes nothing more.
    """
    publish(installation, [request(installation, transactional, 5)])
    wait_until_final(installation, transactional, 1)
    assert installation.command(kind="campaign.cancel", campaign=transactional).answer.status == 200
    installation.wait_for(transactional, "CANCELLED")


def test_a_pack_in_the_lane_of_another_kind_is_set_aside(installation: Installation) -> None:
    """
    A pack that nobody sealed would count towards a campaign's audience, which then never was complete.
    """
    installation.people("kinds", [{"email": "kind@corp.example", "first_name": "Ann", "city": "Ulm"}])
    bulk = installation.start("kinds")
    publish(installation, [request(installation, bulk, 7)])
    assert installation.wait_for(bulk, "COMPLETED")["counters"]["listed"] == 1
