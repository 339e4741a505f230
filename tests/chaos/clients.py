"""Programs that send single messages over REST and repeat what was not answered, and what they were promised."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any

from app.control.api_keys import make_key
from tests.chaos.stage import Stage, StuckError
from tests.road.rest_client import Rest, Said

LONGEST_SILENCE = 90.0  # seconds in which a request must be answered, however often it is repeated
TRY_AGAIN = (429, 502, 503, 504)
AT_ONCE = 8  # requests
REPEATED = 0.5  # of the requests that were answered: the answer was lost on the way


@dataclass(frozen=True, slots=True)
class Letter:
    """One request: its key (none: it is sent once) and the addresses, which nobody else writes to."""

    key: str
    to: list[str]


@dataclass
class Promises:
    """What was answered."""

    messages: dict[str, str] = field(default_factory=dict)  # address -> message id, of every 202
    unsure: set[str] = field(default_factory=set)  # addresses of requests without key that were not answered
    requests: int = 0
    mistakes: list[str] = field(default_factory=list)


class Clients:
    """Some threads that share the letters."""

    def __init__(self, stage: Stage, letters: list[Letter], dice: random.Random, **body: Any) -> None:
        self._rest, self._body, self._dice = _with_key(stage), body, dice
        self._letters, self._lock = iter(letters), threading.Lock()
        self.all = len(letters)
        self.done = 0
        self.promises = Promises()

    @contextmanager
    def writing(self) -> Iterator["Clients"]:
        """They write until all letters are taken; the block may end before."""
        threads = [threading.Thread(target=self._write) for _ in range(AT_ONCE)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            for thread in threads:
                thread.join()

    def _write(self) -> None:
        while True:
            with self._lock:
                letter, again = next(self._letters, None), self._dice.random() < REPEATED
            if letter is None:
                return
            try:
                self._send(letter, again)
            except Exception as error:
                with self._lock:
                    self.promises.mistakes.append(f"{letter.key or letter.to}: {error!r}")
            self.done += 1

    def _send(self, letter: Letter, again: bool) -> None:
        first = self._taken(letter)
        if first is None:
            self.promises.unsure.update(letter.to)
            return
        self.promises.messages.update(first)
        if again and letter.key and (second := self._taken(letter)) != first:
            raise StuckError(f"promised {first}, then {second}")

    def _taken(self, letter: Letter) -> dict[str, str] | None:
        """Address -> message. Repeats until there is an answer; None: without a key nobody may repeat."""
        deadline = time.monotonic() + LONGEST_SILENCE
        body = {"to": letter.to, "subject": f"Receipt {letter.to[0]}", "text": "Paid."} | self._body
        if "campaign_id" in self._body:
            body = {"to": letter.to} | self._body
        said: Said | None = None
        while time.monotonic() < deadline:
            self.promises.requests += 1
            try:
                said = self._rest.ask(
                    "POST", "/v1/messages", body, **({"idempotency_key": letter.key} if letter.key else {})
                )
            except (OSError, HTTPException, ValueError):
                if not letter.key:
                    return None
                time.sleep(0.1)
                continue
            if said.status == 202:
                return {each["to"]: each["id"] for each in said.body["messages"]}
            if said.status not in TRY_AGAIN:
                raise StuckError(f"refused: {said.status} {said.body}")
            if not letter.key:
                return None
            time.sleep(0.1)
        raise StuckError(f"not answered in {LONGEST_SILENCE:.0f} s; at last {said}")


def _with_key(stage: Stage) -> Rest:
    """The API with a key of its own that the edge knows."""
    fresh = make_key("default", ["messages", "read"], now=time.time(), rate=10_000)
    assert stage.command(kind="key.create", key=fresh.key).answer.status == 201
    rest = Rest(f"http://127.0.0.1:{stage.settings.edge_port}", fresh.text)
    rest.until(f"/v1/messages/{'0' * 32}", lambda said: said.status == 404)
    return rest


def letters_of(name: str, count: int, dice: random.Random) -> list[Letter]:
    """Requests of one to three people each; every fifth has no key."""
    return [
        Letter("" if number % 5 == 4 else f"{name}-{number}", [f"p{number}-{i}@{name}.corp.example" for i in range(of)])
        for number in range(count)
        for of in (dice.choice((1, 1, 2, 3)),)
    ]
