"""Processes die on the roads of reports: what providers and people tell reaches each message, and nobody gets two.

Every provider is simulated. Each campaign of a round is about people of whom it is known what becomes of them; each
round is written to once more in the end, when all who bounced, complained or left are to be left alone.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app import ids
from app.commands import Command
from app.control import new_command_id
from app.delivery.outcomes import DECIDED
from app.delivery.unknown import still_open
from app.specs import CampaignSpec, Content
from app.topics import PHONES
from tests.chaos.providers import ask_soon, got, order
from tests.chaos.scenarios import Say, fired
from tests.chaos.stage import RETRY_DELAYS, Stage
from tests.chaos.verdict import Run

MOST_ROUNDS = 5
# Until every report is in: a provider posts again after 1, 2, 4 .. seconds, and is asked about a message at an age of
# 2, 4, 8 .. seconds, one of which is behind the deaths that kept the message from being settled.
BOOK_SECONDS = 300.0
UNKNOWN_AFTER = 20.0  # seconds
CONTENT = Content.model_validate({
    "subject": "Hello", "text": "Hi, here is Acme.", "sms": "Hi, here is Acme.",
    "whatsapp": {"template": "hello", "language": "en_US"},
})  # fmt: skip
TOLD_SQL = "SELECT lower(hex(recipient_id)), status FROM messages WHERE campaign = {campaign:String}"
BARRED_SQL = "SELECT lower(hex(recipient_id)), channel FROM suppressions FINAL WHERE removed = 0"
UNDECIDED = "UNKNOWN"
KEEPS_STOPS = ("twilio",)  # posts a reply once or twice, refuses who has left, and so tells it with the next message
BLIND = ("ses",)  # here it reports nothing, and cannot be asked without the id that was in the answer: lost is lost


@dataclass(frozen=True)
class Fate:
    """What becomes of messages to an address that begins (email) or ends (phones) so."""

    mark: str
    status: str
    barred: bool = False  # from then on nobody writes to it on this channel
    by: tuple[str, ...] = ()  # providers that get it, in order; none: the one of the campaign


@dataclass(frozen=True)
class Kind:
    """One campaign of each round."""

    name: str
    channel: str
    provider: str  # whose routes take it
    fates: tuple[Fate, ...]
    spec: dict[str, Any]


BOUNCES, COMPLAINS = Fate("bounce", "BOUNCED", barred=True), Fate("complaint", "COMPLAINED", barred=True)
DELIVERED, NO_PHONE = Fate("1000", "DELIVERED"), Fate("0002", "BOUNCED", barred=True)
ARRIVES = Fate("deliver", "DELIVERED")
BOTH = ("whatsapp", "twilio")
KINDS = (
    Kind("mail", "email", "sendgrid", (
        ARRIVES, BOUNCES, COMPLAINS, Fate("open", "OPENED"), Fate("unsubscribe", "OPENED", barred=True),
        Fate("refused", "BOUNCED", by=("",)),
    ), {"route_tags": ["sendgrid"]}),
    Kind("asked", "email", "ses", (ARRIVES, BOUNCES), {"route_tags": ["ses"]}),
    Kind("listed", "email", "mailgun", (ARRIVES, ARRIVES, BOUNCES), {"route_tags": ["mailgun"]}),
    Kind("sms", "sms", "msg91", (DELIVERED, NO_PHONE), {"route_tags": ["msg91"]}),
    Kind("session", "sms", "smpp", (DELIVERED, Fate("0001", "BOUNCED", barred=True)), {"route_tags": ["smpp"]}),
    Kind("written", "sms", "twilio", (DELIVERED, Fate("0013", "DELIVERED", barred=True)), {}),
    Kind("both", "whatsapp", "whatsapp", (
        DELIVERED, Fate("0012", "READ"), Fate("0002", "BOUNCED", by=BOTH), Fate("0016", "DELIVERED", by=BOTH),
        Fate("0007", "SENT", by=BOTH), Fate("0013", "DELIVERED", barred=True),
    ), {"fallbacks": [{"channel": "sms", "after": 10}]}),
)  # fmt: skip
EXCHANGES = [each for each in range(220, 1_000) if each % 100 not in (11, 55)]
AREAS = {"sms": 415, "session": 312, "written": 646, "both": 212}
LEAST = {"listed": 60}  # people: fewer would be asked for one by one


@dataclass(frozen=True)
class Sent:
    """A campaign that was started, and what becomes of whom it is about."""

    kind: Kind
    name: str
    campaign: str
    fates: dict[str, Fate]  # by address


def reported(stage: Stage, say: Say, people: int, wanted: Collection[str]) -> list[Run]:
    """Rounds of campaigns to *people* each, until a process has died after every step of *wanted*; all once more."""
    wanted = set(wanted)
    began, missing = time.monotonic(), wanted
    behave(stage)
    ask_soon(stage)
    sent = list[Sent]()
    for number in range(MOST_ROUNDS):
        fresh = started(stage, people, number)
        sent += fresh
        for each in fresh:
            stage.wait_for(each.campaign, "COMPLETED", seconds=240)
        missing = wanted - fired(stage)
        say(f"died after {len(wanted) - len(missing)} of {len(wanted)} steps; missing: {', '.join(sorted(missing))}")
        if not missing:
            break
    runs = [judged(stage, each) for each in sent]
    runs.append(again(stage, say, sent))
    stage.wait_ready()
    for run in runs:
        run.faults, run.seconds = len(fired(stage)), round(time.monotonic() - began, 1)
    runs[-1].mistakes += [f"nobody died after {step}" for step in sorted(missing)]
    return runs


def behave(stage: Stage) -> None:
    """All is reported soon; but two providers report nothing, two before they answer, and one loses answers."""
    for name in ("sendgrid", "twilio"):
        order(stage, name, realistic=False, pace=0.2, twice=0.1, disorder=0.1)
    order(stage, "whatsapp", realistic=False, pace=0.5, lost=0.35)
    order(stage, "msg91", realistic=False, pace=0.01, latency_ms=1_000)
    order(stage, "smpp", realistic=False, pace=0.1, latency_ms=1_000)
    for name in ("ses", "mailgun"):
        order(stage, name, realistic=False, pace=0.1, reports=False)


def started(stage: Stage, people: int, number: int) -> list[Sent]:
    """Start the campaigns of round *number*."""
    lists = {f"{kind.name}-{number}": people_of(kind, people, number) for kind in KINDS}
    for name, fates in lists.items():
        rows = [
            {"email": f"p{place}@{name}.example", "phone": each} if each.startswith("+") else {"email": each}
            for place, each in enumerate(fates)
        ]
        stage.people(name, rows)
    made = created(stage, [(kind, name) for kind, name in zip(KINDS, lists, strict=True)])
    return [Sent(kind, name, campaign, lists[name]) for kind, name, campaign in zip(KINDS, lists, made, strict=True)]


def people_of(kind: Kind, people: int, number: int) -> dict[str, Fate]:
    """Whom the campaign *kind* of round *number* is about: addresses that nobody else has."""
    several, found = max(people, LEAST.get(kind.name, 0)), dict[str, Fate]()
    a_round = several // len(kind.fates) + 1
    for place in range(several):
        turn, fate = divmod(place, len(kind.fates))
        mark = kind.fates[fate].mark
        exchange = EXCHANGES[number * a_round + turn] if kind.name in AREAS else 0
        address = (
            f"+1{AREAS[kind.name]}{exchange}{mark}" if exchange else f"{mark}+{place}@{kind.name}-{number}.example"
        )
        found[address] = kind.fates[fate]
    return found


def created(stage: Stage, wanted: Sequence[tuple[Kind, str]]) -> list[str]:
    """A campaign to each list that is named; their ids."""
    answers = [done.answer for done in stage.commands([command(kind, name) for kind, name in wanted])]
    assert all(each.status == 201 for each in answers), answers
    return [each.campaign for each in answers]


def command(kind: Kind, name: str) -> Command:
    """Create and start a campaign to the list *name*."""
    spec = CampaignSpec.model_validate({
        "channel": kind.channel, "lists": [name], "consent": "not_refused", "from_email": "news@acme.example",
        "retry_delays": RETRY_DELAYS, "unknown_after": UNKNOWN_AFTER,
    } | kind.spec)  # fmt: skip
    return Command(id=new_command_id(), kind="campaign.create", spec=spec, content=CONTENT, start=True)


def judged(stage: Stage, sent: Sent) -> Run:
    """Nobody has two, nobody none, and each message shows what its provider has told of it."""
    run = Run(sent.name, "hold", len(sent.fates))
    names = {recipient_of(stage, sent.kind, address): address for address in sent.fates}
    told: dict[str, str] = {}
    differ: dict[str, tuple[str, str]] = {}

    def same() -> bool:
        told.clear()
        told.update((names[who], status) for who, status in stage.rows(TOLD_SQL, campaign=sent.campaign))
        had = {each.address for each in got(stage)}
        differ.clear()
        for address, fate in sent.fates.items():
            found = told.get(address, "nothing")
            told_nothing = found == UNDECIDED and (address not in had or sent.kind.provider in BLIND)
            if found != fate.status and not told_nothing:
                differ[address] = found, fate.status
        return not differ

    try:
        stage.wait_until(same, lambda: "", BOOK_SECONDS)
    except Exception:
        run.mistakes.append(f"{len(differ)} are not told as they ended (told, ended): {list(differ.items())[:5]}")
    ways: dict[str, list[str]] = defaultdict(list)
    for each in got(stage):
        if each.address in sent.fates:
            ways[each.address].append(each.provider)
    run.duplicated = sum(len(way) - len(set(way)) for way in ways.values())
    run.unknown = sum(status == UNDECIDED for status in told.values())
    run.unknown_never_sent = sum(status == UNDECIDED and each not in ways for each, status in told.items())
    sure = {each: fate for each, fate in sent.fates.items() if told.get(each) != UNDECIDED}
    run.lost = sum(each not in ways and fate.by != ("",) for each, fate in sure.items())
    if wrong := {e: ways[e] for e, fate in sure.items() if e in ways and ways[e] != list(way_of(sent.kind, fate))}:
        run.mistakes.append(f"{len(wrong)} went another way: {list(wrong.items())[:5]}")
    counters = stage.view(f"/campaigns/{sent.campaign}/").get("counters", {})
    run.resolved = counters.get(DECIDED, 0)
    if undecided := still_open(counters):
        run.mistakes.append(f"{undecided} unknown are not decided: {counters}")
    return run


def way_of(kind: Kind, fate: Fate) -> tuple[str, ...]:
    """The providers that have a message, in order."""
    return fate.by or (kind.provider,)


def again(stage: Stage, say: Say, sent: list[Sent]) -> Run:
    """Everybody is written to once more: who is barred gets nothing, the others one message over the first channel."""
    run = Run("again", "hold", sum(len(each.fates) for each in sent))
    barred = set[tuple[str, str]]()
    untold = {who for each in sent if each.kind.provider in BLIND for who in unknown_at(stage, each)}
    due = {
        (who, each.kind.channel): (address, each.kind.provider)
        for each in sent
        for address, fate in each.fates.items()
        if fate.barred and (who := recipient_of(stage, each.kind, address)) not in untold
    }

    def missing(but: Collection[str] = ()) -> list[str]:
        barred.clear()
        barred.update((who, channel) for who, channel in stage.rows(BARRED_SQL))
        return [a for (who, c), (a, by) in due.items() if by not in but and not {(who, c), (who, "")} & barred]

    def wait_until_barred(but: Collection[str]) -> None:
        try:
            stage.wait_until(lambda: not missing(but), lambda: f"not suppressed: {missing(but)[:5]}", 30.0)
        except Exception as error:
            run.mistakes.append(str(error))

    wait_until_barred(KEEPS_STOPS)
    before = time.time()
    made = created(stage, [(each.kind, each.name) for each in sent])
    second = [replace(each, campaign=campaign) for each, campaign in zip(sent, made, strict=True)]
    for each in second:
        stage.wait_for(each.campaign, "COMPLETED", seconds=240)
    say("everybody was written to once more")
    wait_until_barred(())
    counted = Counter((each.address, each.provider) for each in got(stage) if each.at > before)
    for each in second:
        for address, fate in each.fates.items():
            who, first = recipient_of(stage, each.kind, address), way_of(each.kind, fate)[0]
            kept = {(who, each.kind.channel), (who, "")} & barred
            had = sum(counted[address, name] for name in way_of(each.kind, fate))
            if kept and counted[address, first] and who not in untold:
                run.mistakes.append(f"{address} is barred on {each.kind.channel}, and got one more")
            if not kept and not had and first and who not in unknown_at(stage, each):
                run.lost += 1
            run.duplicated += sum(max(0, counted[address, name] - 1) for name in {*way_of(each.kind, fate)})
    return run


def unknown_at(stage: Stage, sent: Sent) -> set[str]:
    """Of whom it was never learned what became of their messages."""
    return {str(who) for who, status in stage.rows(TOLD_SQL, campaign=sent.campaign) if status == UNDECIDED}


def recipient_of(stage: Stage, kind: Kind, address: str) -> str:
    """Whose address it is, as ClickHouse names them."""
    secret = stage.settings.secret_path.read_bytes()
    what = ids.PHONE if kind.channel in PHONES else kind.channel
    return ids.recipient_id(secret, what, address).hex()
