"""What people who write to us ask for: whom a STOP keeps from writing, and what a START lifts.

The later wish wins, by the time at which it was written; of two at the same time, STOP. So it does not matter in which
order they come, nor how often. A START lifts what STOPs to the same number, or of the same accounts, have set: nothing
that bounces, complaints or people have.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b

import msgspec

from app.delivery.gate import MIRRORED, UNSUBSCRIBED, Suppression
from app.delivery.people.suppressing import changed, place_of
from app.records import Inbound
from app.suppressions import SuppressionCommand
from app.topics import PHONES

STOP, START, HELP = UNSUBSCRIBED, "resubscribed", "help"
EVERYBODY = ""  # as an account: all of them
DAY = 86_400.0
MOST_WISHES, MOST_SEEN, MOST_WINDOWS = 60, 50, 20  # of one person
KEPT_FOR = 60 * DAY  # what is written comes at most 41 days late
ANSWERED_WITHIN = 3_600.0  # seconds: nobody wants the answer of yesterday
ANSWERS_APART = DAY  # seconds between two answers of a kind to one person: two robots must not talk to each other
SERVICE_WINDOW = DAY  # seconds in which one who has written on WhatsApp may be answered freely


class Wished(msgspec.Struct, array_like=True):
    """The last wish about one account on one channel, written to one number."""

    channel: str
    account: str
    number: str
    kind: str
    at: float


class Seen(msgspec.Struct, array_like=True):
    """Something that was written, as it was understood: a repeat is understood in the same way."""

    id: bytes
    at: float
    accounts: list[str]
    by: str
    answer: bool = False


class Written(msgspec.Struct, array_like=True):
    """What one person has written to us. *windows*: number of ours on WhatsApp -> when they last wrote to it."""

    wishes: list[Wished] = []
    seen: list[Seen] = []
    windows: dict[str, float] = {}
    answered: dict[str, float] = {}
    at: float = 0.0


class Effect(msgspec.Struct):
    """What becomes of a person once something was read."""

    written: Written
    entries: list[Suppression]
    scopes: list[str]  # accounts that it is about


def id_of(said: Inbound) -> bytes:
    """8 bytes that tell one message from another of the same person."""
    text = said.event or f"{said.number}|{said.text}|{said.at:.0f}"
    return blake2b(f"{said.channel}|{said.route}|{text}".encode(errors="replace"), digest_size=8).digest()


def seen_before(written: Written, ident: bytes) -> Seen | None:
    """How it was understood, if it has come before."""
    return next((each for each in written.seen if each.id == ident), None)


def effect_of(written: Written, entries: list[Suppression], said: Inbound, seen: Seen, now: float) -> Effect:
    """What *said* changes, understood as *seen*: accounts that it is about, and when it was written."""
    said = msgspec.structs.replace(said, at=seen.at)
    scopes = list(dict.fromkeys([*seen.accounts, *_of_same_number(written.wishes, said)]))
    after = msgspec.structs.replace(written, at=max(written.at, now))
    after.seen = [*written.seen, msgspec.structs.replace(seen, accounts=scopes)][-MOST_SEEN:]
    if said.channel == "whatsapp" and said.number:
        after.windows = opened(written.windows, said.number, said.at)
    if said.kind not in (STOP, START):
        return Effect(after, entries, scopes)
    for scope in scopes:
        if not overruled(written.wishes, said, scope):
            stop = said.kind == STOP
            entries = stopped(entries, said, scope, seen.by, now) if stop else lifted(entries, said, scope)
        wish = Wished(said.channel, scope, said.number, said.kind, said.at)
        after.wishes = noted(after.wishes, wish)
    return Effect(after, entries, scopes)


def places_of(said: Inbound, scopes: Iterable[str]) -> list[tuple[str, str, str, str]]:
    """Where a wish about *scopes* may have changed something."""
    return [place(said.channel, each) for each in scopes] if said.kind in (STOP, START) else []


def _of_same_number(wishes: Iterable[Wished], said: Inbound) -> list[str]:
    """Accounts that a START is about because an earlier STOP to the same number was."""
    if said.kind != START or not said.number:
        return []
    return [
        each.account
        for each in wishes
        if (each.channel, each.number, each.kind) == (said.channel, said.number, STOP) and each.at < said.at
    ]


def overruled(wishes: Iterable[Wished], said: Inbound, scope: str) -> bool:
    """Whether a later wish says otherwise about *scope*."""
    for each in wishes:
        same = each.account == scope or (bool(said.number) and each.number == said.number)
        if each.channel != said.channel or each.kind == said.kind or not same:
            continue
        if each.at > said.at or (each.at == said.at and each.kind == STOP):
            return True
    return False


def noted(wishes: Sequence[Wished], wish: Wished) -> list[Wished]:
    """*wishes* with *wish*, if that is the last about its account and number."""
    others, mine = list[Wished](), wish
    for each in wishes:
        if (each.channel, each.account, each.number) != (wish.channel, wish.account, wish.number):
            others.append(each)
        elif (each.at, each.kind == STOP) > (mine.at, mine.kind == STOP):
            mine = each
    return sorted([*others, mine], key=lambda each: each.at)[-MOST_WISHES:]


def place(channel: str, account: str) -> tuple[str, str, str, str]:
    """Where a STOP suppresses: an address is of email alone, a number has several channels."""
    return "account" if account else "global", account, "", channel if channel in PHONES else ""


def stopped(entries: list[Suppression], said: Inbound, account: str, by: str, now: float) -> list[Suppression]:
    """*entries* with the suppression that a STOP sets."""
    where = place(said.channel, account)
    held = [each.since for each in entries if each.reason == UNSUBSCRIBED and place_of(each) == where]
    if held and max(held) >= said.at:
        return entries
    command = SuppressionCommand(
        "add", where[0], where[1], said.recipient_id.hex(), reason=UNSUBSCRIBED, source=source_of(said, by),
        at=said.at, channel=where[3],
    )  # fmt: skip
    return changed(entries, command, now)


BY = {
    "number": "whose number it is",
    "route": "of the route",
    "last": "that wrote to them last",
    "many": "that very many accounts share: for all accounts",
    "nobody": "of nobody's number: for all accounts",
}


def source_of(said: Inbound, by: str) -> str:
    """Where a suppression comes from, for people: at most 200 characters."""
    to = f" to {said.number[:20]}" if said.number else ""
    return f"{said.adapter[:20]}: {' '.join(said.text.split())[:80]}{to}, {BY.get(by, by)}"[:200]


def lifted(entries: Iterable[Suppression], said: Inbound, account: str) -> list[Suppression]:
    """*entries* without what earlier STOPs have set, here or at the provider."""
    where = place(said.channel, account)
    return [
        each
        for each in entries
        if place_of(each) != where or each.reason not in (UNSUBSCRIBED, MIRRORED) or each.since >= said.at
    ]


# -- the service window of WhatsApp


def opened(windows: dict[str, float], number: str, at: float) -> dict[str, float]:
    """*windows* once somebody has written to *number* at *at*."""
    after = windows | {number: max(at, windows.get(number, 0.0))}
    return dict(sorted(after.items(), key=lambda each: each[1])[-MOST_WINDOWS:])


def in_service_window(written: Written, number: str, now: float) -> bool:
    """Whether this person may be answered freely from *number* ("": any of ours) on WhatsApp."""
    times = written.windows.values() if not number else [written.windows.get(number, float("-inf"))]
    return any(at <= now < at + SERVICE_WINDOW for at in times)


# -- answers and age


def is_answered(written: Written, said: Inbound, now: float) -> bool:
    """Whether *said* may have an answer: at most one of a kind a day, none late, none where the provider answers."""
    last = written.answered.get(said.kind)
    timely = now - said.at < ANSWERED_WITHIN
    return said.kind != "" and not said.answered and timely and (last is None or now - last >= ANSWERS_APART)


def is_forgotten(written: Written, now: float) -> bool:
    """Whether nothing of *written* is needed any more. A STOP is: a START of next year lifts it."""
    return written.at < now - KEPT_FOR and all(each.kind != STOP for each in written.wishes)
