"""The story of a message, from rows: every reason has words, and what holds it back is named."""

import dataclasses
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.commands import CampaignEntry, Seal
from app.delivery.events import CLASS_OF
from app.delivery.explain import words as words
from app.delivery.explain.absence import Membership, Person, explain_absence
from app.delivery.explain.story import Event, Explanation, Held, Seat, StateAt, Story, Suppressed
from app.delivery.explain.timeline import explain
from app.delivery.outcomes import DropReason, EventKind, Kind, Status
from app.delivery.retries import POLICIES
from app.delivery.unknown import End
from app.delivery.why import Again, of_queued, with_again
from app.routes import Notice
from app.specs import CampaignSpec
from app.topics import CHANNELS, PHONES

T = 1_800_000_000.0  # 2027-01-15T08:00:00Z
MESSAGE = "4f0a" + "0" * 28


def entry(state: str = "RUNNING", **more: object) -> CampaignEntry:
    """A campaign."""
    spec = CampaignSpec(name="Spring", from_email="news@acme.example", lists=["news"])
    fields = {"id": "c_1", "account": "acme", "state": state, "spec": spec, "created_at": T - 100} | more
    return CampaignEntry.model_validate(fields)


def story(status: str, *events: Event, now: float = T + 1_000, **more: object) -> Explanation:
    """The explanation of a message with *events*."""
    known = Story(MESSAGE, "c_1", status, events, now, entry=entry(), states=[StateAt("RUNNING", T - 10)])
    return explain(dataclasses.replace(known, **more))  # type: ignore[arg-type]


def queued(why: str = "") -> Event:
    """It was let through at T."""
    return Event("queued", T, group="gmail", why=why)


def test_everything_that_can_happen_has_words() -> None:
    """
    Who adds a reason, a kind or a notice finds here that support would read out a word of the code.
    """
    assert set(words.OUTCOMES) | set(words.HITS) == set(EventKind)
    assert set(words.DROPPED) == set(DropReason)
    assert set(words.ENDS) == set(Status) and set(words.KIND_OF_STATUS) == set(Status)
    assert set(words.NOTICES) == set(get_args(Notice.model_fields["kind"].annotation))
    policies = {*POLICIES.values(), "soft", "pair"}
    assert set(words.AGAIN) == policies
    assert {f"retry.{each}" for each in policies} <= set(words.WAITS)
    assert set(words.ONWARD) == set(words.NEXT) == set(PHONES) and set(words.CHANNELS) == set(CHANNELS)
    assert {f"retry.{each}" for each in PHONES} <= set(words.WAITS)
    tried_again = {Kind.DEFERRED, Kind.THROTTLED, Kind.UNAVAILABLE, Kind.UNCERTAIN}
    assert tried_again == set(POLICIES)
    assert set(words.DECISIONS) == {CLASS_OF.get(each, str(each)) for each in End} - {"sent"}
    assert set(words.UNKNOWN_POLICIES) == set(get_args(CampaignSpec.model_fields["unknown"].annotation))
    assert set(words.UNKNOWN_WAITS) == set(get_args(CampaignSpec.model_fields["unknown_then"].annotation))


def test_the_story_of_a_message_that_went_on_tells_what_each_channel_came_to() -> None:
    """Support has to say why somebody got an SMS, and when."""
    fields = {"channel": "whatsapp", "lists": ["news"], "fallbacks": [{"channel": "sms", "after": 60}]}
    running = entry(spec=CampaignSpec.model_validate(fields))
    refused = Event(
        "deferred", T + 1, 1, "IN", "wa", 131026, "soft", "not on WhatsApp", channel="whatsapp",
        why="wa: 1st of 1; next: attempt 2 at 2027-01-15T08:00:05Z (sms)",
    )  # fmt: skip
    sent = Event("sent", T + 6, 2, "IN", "twilio", channel="sms")
    delivered = Event("delivered", T + 9, 2, "IN", "twilio", channel="sms", why="told by webhook")
    told = story("DELIVERED", queued(), refused, sent, delivered, entry=running)
    assert told.final and told.summary.startswith("Delivered at 2027-01-15T08:00:09Z over route twilio, at attempt 2")
    assert told.summary.endswith("WhatsApp: not on WhatsApp; SMS: delivered.")
    assert not any("server" in each.text for each in told.steps) and "server" not in told.summary
    assert "It goes on by SMS, as attempt 2, at 2027-01-15T08:00:05Z." in [each.text for each in told.steps]
    awaited = Event("sent", T + 1, 1, "IN", "wa", channel="whatsapp")
    told = story("SENT", queued(), awaited, entry=running, now=T + 10)
    assert not told.final and told.waiting is not None and told.waiting.held_by == "news"
    assert "goes on by SMS" in told.summary
    out = story("SENT", queued(), awaited, entry=running, now=T + 100)
    assert out.final and out.summary.startswith("Sent: taken by the provider at")


BUSY = "told by twilio; next: attempt {} at 2027-01-15T08:40:26Z (soft)"


@pytest.mark.parametrize("again", [BUSY.format(2), BUSY.format(2).replace("soft", "sms")])
def test_a_call_that_is_made_again_waits_for_that_whatever_clock_its_provider_has(again: str) -> None:
    """Twilio tells whole seconds: the busy line was "before" the call, and the message read as sent for good."""
    calls = entry(spec=CampaignSpec(channel="voice", lists=["news"]))
    sent = Event("sent", T + 26.209, 1, "PT", "twilio", channel="voice")
    busy = Event("deferred", T + 26, 1, "PT", "twilio", 0, "busy", "busy", again, "voice")
    told = story("SENT", queued(), busy, sent, entry=calls, now=T + 30)
    assert (told.state, told.final) == ("DEFERRED", False) and told.waiting is not None
    assert told.waiting.due == T + 2_426 and "2027-01-15T08:40:26Z" in told.summary
    kinds = [each.kind for each in told.steps]
    assert kinds.index("sent") < kinds.index("deferred") < kinds.index("waits")
    due = story("SENT", queued(), busy, sent, entry=calls, now=T + 2_500)
    assert not due.final and due.waiting is not None and due.waiting.held_by == "pacing"
    # the third attempt is to come, and a report of the first one comes last
    second = {"attempt": 2, "why": again.replace("attempt 2", "attempt 3")}
    twice = [replace(sent, attempt=2, at=T + 626.2), replace(busy, at=T + 626, **second)]  # type: ignore[arg-type]
    late = replace(busy, at=T + 1_200, why="told by twilio", code=5)
    told = story("SENT", queued(), busy, sent, *twice, late, entry=calls, now=T + 700)
    assert told.waiting is not None and told.waiting.due == T + 2_426
    # the second one is out
    out = replace(sent, attempt=2, at=T + 2_430)
    told = story("SENT", queued(), out, busy, sent, entry=calls, now=T + 2_431)
    assert told.waiting is not None and told.waiting.text == words.CALLING


def test_a_channel_whose_outcome_is_lost_is_not_sent_because_the_one_before_was() -> None:
    """WhatsApp took it and nobody read it; of the SMS nobody knows."""
    fields = {"channel": "whatsapp", "lists": ["news"], "fallbacks": [{"channel": "sms", "after": 60}]}
    running = entry(spec=CampaignSpec.model_validate(fields))
    sent = Event("sent", T + 1, 1, "IN", "wa", channel="whatsapp")
    goes_on = replace(sent, kind="deferred", at=T + 61, why="next: attempt 2 at 2027-01-15T08:01:01Z (sms)")
    lost = Event("unknown", T + 62, 2, "IN", "twilio", klass="lost_reply", channel="sms")
    told = story("SENT", queued(), sent, goes_on, lost, entry=running, now=T + 70, unknown_after=600.0)
    assert (told.state, told.final) == ("UNKNOWN", False)
    assert told.waiting is not None and told.waiting.held_by == "unknown.hold"


def test_what_a_reader_did_is_the_end_of_a_message() -> None:
    """A message that was opened, or complained of, is not "not sent yet": it arrived, and nothing more comes of it."""
    sent = Event("sent", T + 1, 1, "gmail", "ses")
    complained = Event("complained", T + 60, 1, "gmail", "ses", klass="hard", why="told by ses")
    told = story("COMPLAINED", queued(), sent, complained)
    assert told.final and told.waiting is None
    assert told.summary.startswith("Delivered, and the recipient complained at")
    assert [each.text for each in told.steps][-1] == "The recipient complained."
    bounced = Event("failed", T + 60, 1, "gmail", "ses", 21610, "technical", "queue overflow", "told by twilio")
    assert story("FAILED", queued(), sent, bounced).summary.endswith("21610 queue overflow.")


def test_a_message_that_was_sent_tells_its_way() -> None:
    """The limit that let it wait, the pause of its campaign, the route and the server's words are all there."""
    sent = Event(
        "sent", T + 90, 1, "gmail", "ses", 250, detail="2.0.0 OK", why="ses: 1st of 2; held 50.5 s by group|gmail"
    )
    states = [StateAt("RUNNING", T - 10), StateAt("PAUSED", T + 10, "by ann"), StateAt("SEALING", T + 39),
              StateAt("RUNNING", T + 40)]  # fmt: skip
    told = story(
        "SENT", queued("engaged recipient"), sent, states=states, seat=Seat(T - 20, 7, lists=("news",)),
        rates=lambda name: {"group|gmail": 80.0}.get(name),
    )  # fmt: skip
    assert [each.kind for each in told.steps] == ["listed", "queued", "waited", "campaign", "campaign", "sent"]
    assert "row 7, from list news" in told.steps[0].text and "reacted of late" in told.steps[1].text
    waited = told.steps[2]
    assert (waited.limit, waited.figures) == ("group|gmail", {"seconds": 90.0, "not_running": 30.0})
    assert "50 s of them at the limit of mailbox provider gmail (80/s), 30 s of them because" in waited.text
    assert [each.text for each in told.steps[3:5]] == ["The campaign was paused (by ann).", "The campaign was resumed."]
    assert "over route ses: 250 2.0.0 OK. Why: ses: 1st of 2; held 50.5 s by limit of" in told.steps[5].text
    assert (told.final, told.waiting, told.state) == (True, None, "SENT")
    assert told.summary.startswith("Sent: taken by the mail server at 2027-01-15T08:01:30Z over route ses")


def test_a_suppressed_message_tells_scope_and_since_when() -> None:
    """Support reads out who left what, and when."""
    event = Event("dropped", T, klass="suppressed", detail="unsubscribed (list)")
    entries = [
        Suppressed("list", "news", "unsubscribed", "link", T - 500),
        Suppressed("list", "news", "unsubscribed", "link", T + 500),  # it was renewed since
        Suppressed("account", "acme", "complaint", "", T - 900),
        Suppressed("list", "news", "unsubscribed", "whatsapp: STOP", T - 300, "whatsapp"),  # of another channel
    ]
    told = story("DROPPED", event, suppressions=entries)
    assert told.summary == (
        "Not sent: the recipient must not be written to about list news since 2027-01-15T07:51:40Z "
        "(unsubscribed, by link)."
    )
    assert (told.steps[0].rule, told.final) == ("dropped.suppressed", True)


def test_a_duplicate_names_the_other_message() -> None:
    """The other one is what the person did get."""
    event = Event("dropped", T, klass="duplicate", detail=f"message {MESSAGE}")
    told = story("DROPPED", event, other=("c_0", T - 3_600))
    assert f"message {MESSAGE} of campaign c_0 at 2027-01-15T07:00:00Z" in told.summary


def test_a_deferral_tells_the_next_try_and_then_what_came_of_it() -> None:
    """While it waits the moment is named; afterwards the retry is part of the timeline."""
    why = with_again("route a", Again(2, T + 252, "transient"))
    put_off = Event("deferred", T + 1, 1, "gmail", "a", 451, "greylisted", "4.7.1 later", why)
    told = story("DEFERRED", queued(), put_off, now=T + 100)
    assert told.waiting is not None
    assert (told.waiting.held_by, told.waiting.due, told.waiting.estimate) == ("retry.transient", T + 252, 152.0)
    assert [each.kind for each in told.steps] == ["queued", "deferred", "retry", "waits"]
    assert told.steps[2].text == ("Attempt 2 comes in 4 m 11 s, at 2027-01-15T08:04:12Z: the refusal was temporary.")
    later = story("SENT", queued(), put_off, Event("sent", T + 300, 2, "gmail", "b", 250))
    assert [each.kind for each in later.steps] == ["queued", "deferred", "retry", "waited", "sent"]
    assert later.steps[3].figures["seconds"] == 48 and "at attempt 2" in later.summary


@pytest.mark.parametrize(
    ("held", "rule", "estimate", "said"),
    [
        (Held(3_200, "group|gmail", T), "group|gmail", 40.0, "gmail (80/s): 3,200 of its kind could leave, about 40 s"),
        (Held(5, "on the way|route|a", T), "on the way|route|a", None, "number on the way, limit of route a"),
        (Held(0, "", T), "pacing", None, "waits for its turn"),
        (None, "pacing", None, "waits for its turn"),
    ],
)
def test_a_message_that_waits_names_what_holds_it(held: Held | None, rule: str, estimate: float, said: str) -> None:
    """The limit, how many are before it and how long that takes - or that nobody can tell."""
    told = story("QUEUED", queued(), held=held, rates=lambda name: 80.0 if name == "group|gmail" else None)
    assert told.waiting is not None and not told.final
    assert (told.waiting.held_by, told.waiting.estimate, told.waiting.since) == (rule, estimate, T)
    assert said in told.summary


def test_what_stands_in_the_way_first_is_named_first() -> None:
    """A paused campaign is the reason, whatever limits there are; then the time of the message."""
    held = Held(10, "group|gmail", T)
    paused = story(
        "QUEUED", queued(), held=held, entry=entry("PAUSED"), states=[StateAt("RUNNING", T), StateAt("PAUSED", T + 5)]
    )
    assert paused.waiting is not None
    assert (paused.waiting.held_by, paused.waiting.since) == ("state|c_1", T + 5)
    for cause in ("schedule", "hours", "cap"):
        later = story("QUEUED", queued(of_queued("", T + 5_000, cause, "")), held=held)
        assert later.waiting is not None and (later.waiting.held_by, later.waiting.due) == (cause, T + 5_000)
        past = story("QUEUED", queued(of_queued("", T + 500, cause, "")), held=held)
        assert past.waiting is not None and past.waiting.held_by == "group|gmail"


def test_a_message_that_a_frequency_cap_puts_off_tells_until_when() -> None:
    """The person has had enough: nobody refused anything, and it is no attempt."""
    capped = Event(
        "deferred", T + 5, 0, "gmail", klass="capped", detail="2 of 2 in a day", why=of_queued("", T + 900, "cap", "")
    )
    told = story("DEFERRED", queued(), capped, now=T + 10)
    assert told.waiting is not None and (told.waiting.held_by, told.waiting.due) == ("cap", T + 900)
    assert told.steps[1].text == (
        "Put off: It may leave from 2027-01-15T08:15:00Z on: the recipient has had enough messages until then "
        "(2 of 2 in a day)."
    )
    later = story("SENT", queued(), capped, Event("sent", T + 950, 1, "gmail", "a", 250))
    waited = next(each for each in later.steps if each.kind == "waited")
    assert waited.figures["seconds"] == 50 and "end of the recipient's cap" in waited.text


def test_an_unknown_outcome_tells_until_when_it_is_held() -> None:
    """It is neither sent nor lost, and somebody may decide."""
    lost = Event("unknown", T + 1, 1, "gmail", "a", detail="connection lost")
    told = story("UNKNOWN", queued(), lost, now=T + 10, unknown_after=60.0)
    assert told.waiting is not None and not told.final
    assert (told.waiting.held_by, told.waiting.due) == ("unknown.hold", T + 61)
    given_up = Event("unknown", T + 61, 1, "gmail", "a", klass="decided", detail="no news after 60 s")
    over = story("UNKNOWN", queued(), lost, given_up, unknown_after=60.0)
    assert over.final and over.waiting is None and "no news after 60 s" in over.summary
    assert [each.rule for each in over.steps[-2:]] == ["", "unknown.decided"]
    told_of = dataclasses.replace(given_up, klass="not_sent", detail="operator")
    waits = story("UNKNOWN", queued(), lost, told_of)
    assert waits.waiting is not None and (waits.waiting.held_by, waits.waiting.since) == ("pacing", T + 61)
    went = story("SENT", queued(), lost, Event("sent", T + 70, 1, "gmail", "a", detail="operator"))
    assert went.steps[-1].text == "It is known now that attempt 1 had gone out (operator)." and went.final
    again = dataclasses.replace(lost, why=with_again("", Again(2, T + 1, "resend")))
    resent = story("UNKNOWN", queued(), again)
    assert resent.waiting is not None and resent.waiting.held_by == "pacing"


def test_notices_of_other_routes_and_times_are_left_out() -> None:
    """Only what can have concerned it is part of its story."""
    about = {"id": "n", "kind": "slowed", "reason": "too many 421", "group": "gmail"}
    notices = [
        Notice(at=T + 10, pool="p", **about), Notice(at=T - 10, **about), Notice(at=T + 999, **about),
        Notice(at=T + 11, **(about | {"group": "yahoo"})), Notice(at=T + 12, route="z", **about),
    ]  # fmt: skip
    told = story("SENT", queued(), Event("sent", T + 20, 1, "gmail", "a", 250), notices=notices)
    assert [each.text for each in told.steps if each.kind == "notice"] == [
        "Slowed down, pool p towards gmail: too many 421."
    ]


def test_opens_and_clicks_are_one_line_each() -> None:
    """A message that a machine fetched five hundred times is still read in one look."""
    hits = [Event("opened", T + 100 + i, klass="human") for i in range(500)]
    hits += [Event("clicked", T + 50, klass="automated.scanner", detail="0 https://a.example")]
    told = story("SENT", queued(), Event("sent", T + 1, 1, "gmail", "a", 250), *hits)
    assert [each.text for each in told.steps[2:]] == [
        "A link was clicked by a machine (scanner): 0 https://a.example.",
        "Opened, 500 times up to 2027-01-15T08:09:59Z.",
    ]


TEXTS = st.text(max_size=30)
EVENTS = st.builds(
    Event, st.sampled_from(list(EventKind)), st.floats(0, 9e9), st.integers(0, 9), TEXTS, TEXTS, st.integers(0, 999),
    st.one_of(TEXTS, st.sampled_from(list(DropReason))), TEXTS,
    st.one_of(TEXTS, st.just("next: attempt 2 at 2027-99-99T08:00:00Z (never)"), st.just("not before x (y)")),
)  # fmt: skip


@settings(max_examples=60)
@given(st.lists(EVENTS, max_size=8), st.sampled_from(list(Status)), st.sampled_from(["RUNNING", "PAUSED", "FAILED"]))
def test_whatever_is_stored_is_told(events: list[Event], status: str, state: str) -> None:
    """Events of older and newer versions, late and out of order: never an error, always in the order of time."""
    told = story(status, *events, entry=entry(state), now=T)
    assert told.summary and [each.at for each in told.steps if each.kind != "waits"] == sorted(
        each.at for each in told.steps if each.kind != "waits"
    )
    assert (told.waiting is None) is told.final


SEALED = Seal(id="s", count=9, digest="d", day=20_000, groups=[("gmail", 9)])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("person", "final", "said"),
    [
        ({"seat": Seat(T, 9, "excluded_list:vip")}, True, "they are on the excluded list vip"),
        ({"seat": Seat(T, 9, "holdout")}, True, "gets nothing"),
        ({"seat": Seat(T, 3)}, False, "in the audience as row 3; the campaign has not come to that row"),
        ({"seat": Seat(T, 3), "campaign": entry("CANCELLED", seal=SEALED)}, True, "its campaign ended before"),
        ({"campaign": entry("SCHEDULED", due_at=T + 5)}, False, "the campaign waits for its time"),
        ({"is_known": False}, True, "there is no contact with this address"),
        ({"memberships": [Membership("news", T + 9)]}, True, "came on list news after the audience was fixed"),
        ({"memberships": [Membership("news", 0.0, T - 9)]}, True, "they left list news, at 2027-01-15T07:59:51Z"),
        ({}, True, "they are not on list news"),
    ],
)
def test_somebody_without_a_message_is_told_why(person: dict[str, object], final: bool, said: str) -> None:
    """ "Why did Anna not get it?" is asked more often than about any id."""
    known: dict[str, object] = {"campaign": entry(seal=SEALED, started_at=T), "now": T + 60, "recipient": "ab" * 16}
    told = explain_absence(Person(**(known | person)))  # type: ignore[arg-type]
    assert said in told.summary and told.final is final and (told.waiting is None) is final
    assert told.message == "" and told.state == "NOT_LISTED"


def test_a_message_to_a_phone_goes_to_a_place_not_to_a_mailbox_provider() -> None:
    """Nobody has a mailbox there."""
    told = story("QUEUED", Event("queued", T, group="IN/airtel", channel="sms"))
    assert told.steps[0].text.startswith("Let through: nothing forbids it. It goes to IN/airtel")
