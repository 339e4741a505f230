"""Commands alone: campaign.create through the door to its answer, with a content that is checked against a list."""

import asyncio
import io
import time

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from app import topics
from app.clickhouse.contacts import import_people
from app.clickhouse.migrate import apply as apply_migrations
from app.commands import Answer
from app.local import clickhouse
from app.local.ports import free_ports
from app.settings import Settings
from benchmarks.stand import Measured, cpu_seconds, process, stand

COMMAND = """{"id": "%s-%d", "kind": "campaign.create",
 "spec": {"from_email": "news@acme.example", "lists": ["bench"], "schedule": {"at": 1900000000}},
 "content": {"subject": "Hello {{ first_name }}", "text": "Hello {{ first_name }}, this is letter %d"}}"""


async def _ask(settings: Settings, run: str, count: int) -> float:
    """Seconds from the first command to the last answer."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka, linger_ms=5)
    answers = AIOKafkaConsumer(bootstrap_servers=settings.kafka, auto_offset_reset="earliest")
    await producer.start()
    await answers.start()
    answers.assign([TopicPartition(topics.COMMAND_ANSWERED, 0)])
    began, missing = time.monotonic(), {f"{run}-{number}" for number in range(count)}
    for number in range(count):
        raw = COMMAND % (run, number, number % 10)
        await producer.send(topics.CAMPAIGN_COMMANDED, raw.encode())
    await producer.flush()
    while missing:
        if time.monotonic() - began > 120:
            raise RuntimeError(f"{len(missing)} of {count} commands were not answered")
        for records in (await answers.getmany(timeout_ms=200)).values():
            for record in records:
                answer = Answer.model_validate_json(record.value)
                if answer.id in missing and answer.status != 201:
                    raise RuntimeError(answer.error)
                missing.discard(answer.id)
    took = time.monotonic() - began
    await answers.stop()
    await producer.stop()
    return took


def main(count: int) -> Measured:
    """Commands a second, all of them filed at once."""
    with stand() as settings:
        port = free_ports()
        settings = settings.model_copy(update={"clickhouse": f"http://127.0.0.1:{port}", "clickhouse_port": port})
        with clickhouse.running(settings.state_dir, port):
            asyncio.run(apply_migrations(settings))
            asyncio.run(import_people(settings, io.BytesIO(b"email,first_name\nann@example.com,Ann\n"), "bench"))
            arguments = ("-m", "app.cli.main", "worker")
            with (
                process(settings, *arguments, "intake", name="intake") as intake,
                process(settings, *arguments, "pacing", name="pacing") as pacing,
            ):
                asyncio.run(_ask(settings, "warm", 100))
                before = cpu_seconds(pacing), cpu_seconds(intake)
                took = asyncio.run(_ask(settings, "run", count))
                owner, door = cpu_seconds(pacing) - before[0], cpu_seconds(intake) - before[1]
    return Measured(count / took, owner / count * 1e6, {"door_us_a_command": door / count * 1e6})


if __name__ == "__main__":
    print(main(5_000))
