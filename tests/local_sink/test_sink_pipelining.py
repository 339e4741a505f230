"""The sink and clients that send many commands, and messages, in one write (RFC 2920)."""

import asyncio
from pathlib import Path

from app.local.sink import Sink, serve
from app.local.sink_read import load


async def said(sink: Sink, *writes: bytes) -> str:
    """What the sink answers to *writes* on one connection, until it closes."""
    server = await serve(sink, 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
    for each in writes:
        writer.write(each)
        await writer.drain()
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    server.close()
    return answer.decode()


def message(number: int) -> bytes:
    return (
        b"MAIL FROM:<a@b.c>\r\nRCPT TO:<p%d@x.org>\r\nDATA\r\nSubject: x\r\nX-Fanfare-Message: %032x\r\n\r\nhi\r\n.\r\n"
        % (
            number,
            number,
        )
    )


async def test_messages_and_goodbye_in_one_write_get_every_answer(tmp_path: Path) -> None:
    """A client that does not wait must not lose the answer to what it sent: it would have to doubt it."""
    sink = Sink(tmp_path / "sink.txt", realistic=False, seed=1, latency=0.0)
    answers = (await said(sink, b"EHLO me\r\n" + message(1) + message(2) + b"QUIT\r\n")).splitlines()
    assert [line[:3] for line in answers if line[3] == " "][1:] == ["250", *["250", "250", "354", "250"] * 2, "221"]
    assert [each.address for each in load(tmp_path / "sink.txt")] == ["p1@x.org", "p2@x.org"]


async def test_an_id_is_read_from_the_header_only(tmp_path: Path) -> None:
    """The record is the oracle: a text that quotes another message's id must not speak for it."""
    sink = Sink(tmp_path / "sink.txt", realistic=False, seed=1, latency=0.0)
    text = b"Subject: x\r\n\r\nX-Fanfare-Message: %032x\r\n.\r\n" % 7
    start = message(1).split(b"Subject")[0]
    await said(sink, b"EHLO me\r\n" + start + text + b"QUIT\r\n")
    assert [each.message for each in load(tmp_path / "sink.txt")] == ["-" * 32]
