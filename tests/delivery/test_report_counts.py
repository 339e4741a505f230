"""Reports count for the health of routes: once a message, and only what is fresh."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from app.delivery.outcomes import Status
from app.delivery.partition_records import MessageState
from app.delivery.reports.counts import FRESH, HEARD, LAGS, LOOKED_UP, counted, heard_counts, lag_at, lag_name
from app.delivery.reports.kinds import STATUS_TOLD, ReportKind
from app.delivery.reports.moves import FATE
from app.delivery.reports.plan import plan
from app.delivery.routes.counts import RouteCounts
from app.records import Outcome, Told

NOW = 1_800_000_000.0
MESSAGE = b"m" * 16
BLOCK = "550 5.7.1 Service unavailable, client host blocked using Spamhaus"


def sent(status: Status = Status.SENT) -> MessageState:
    return MessageState(status, 1, NOW - 60, "ses", b"r" * 16, "acme", "c_1", "email", "bulk", "gmail")


def told(kind: str, at: float = 0.0, **more: object) -> Told:
    return Told(MESSAGE, str(kind), NOW + at, **more)  # type: ignore[arg-type]


def names_of(reports: list[Told], state: MessageState | None = None, now: float = NOW) -> list[str]:
    """What *reports* on one message count, one lot each."""
    states, names = {MESSAGE: state or sent()}, list[str]()
    for each in reports:
        made = plan([each], states, {}, lambda _: False)
        for before, about, move in made.moves:
            names += counted(before, about, move, now)[0]
        states |= made.states
    return names


REPORTS = st.lists(
    st.builds(
        told, st.sampled_from(list(ReportKind)), st.integers(-9, 9).map(float),
        klass=st.sampled_from(["", "hard", "block", "auth", "technical"]),
    ),
    max_size=9,
)  # fmt: skip


@given(REPORTS, st.sampled_from([Status.SENT, Status.BOUNCED, Status.BLOCKED, Status.UNKNOWN, Status.DELIVERED]))
def test_a_message_counts_once_as_delivered_and_once_as_not(reports: list[Told], status: Status) -> None:
    """Repeats and contradictions of a provider must not open a breaker, nor what the answer had told already."""
    names = names_of(reports, sent(status))
    gone = [
        each for each in names if each in {f"reported.{kind}" for kind in ("bounced", "blocked", "failed", "expired")}
    ]
    assert len(gone) <= 1
    arrived = any(FATE.get(STATUS_TOLD.get(ReportKind(each.kind), Status.SENT)) == "delivered" for each in reports)
    if status in (Status.BOUNCED, Status.BLOCKED) and not arrived:
        assert not gone, "the answer had told that"
    assert names.count("reported.delivered") <= 1 and names.count("reported.complained") <= 1
    assert names.count("fresh.told") <= 2
    assert sum(names.count(f"fresh.{each}") for each in ("against", "failed", "delivered")) <= names.count("fresh.told")


def test_who_is_refused_delivered_to_and_refused_counts_as_refused_once() -> None:
    """A provider that changes its mind twice has still one message."""
    reports = [told("blocked", -9, klass="block"), told("delivered", -5), told("bounced", -1)]
    assert names_of(reports) == ["reported.blocked", "fresh.told", "fresh.against"]


def test_orders_of_reports_count_alike() -> None:
    """Webhooks come in any order. Only a deferral that comes after the end says nothing any more."""
    reports = [told("deferred", -5), told("blocked", -3, klass="block"), told("complained", -1)]
    for each in permutations(reports):
        names = set(names_of(list(each))) - {"reported.deferred", "fresh.deferred"}
        late = each.index(reports[1]) > each.index(reports[2])
        assert names == {"reported.complained"} | (
            set() if late else {"reported.blocked", "fresh.told", "fresh.against"}
        )
    assert "fresh.deferred" in names_of(reports)


def test_an_hour_of_reports_that_comes_late_counts_but_slows_nobody_down() -> None:
    """What was blocked an hour ago does not tell how the route does now."""
    late = told("blocked", -FRESH - 1, klass="block", detail=BLOCK, code=550)
    assert names_of([late]) == ["reported.blocked"]
    (move,) = plan([late], {MESSAGE: sent()}, {}, lambda _: False).moves
    assert counted(*move, NOW) == (["reported.blocked"], "")
    assert counted(*move, NOW - 10) == (["reported.blocked", "fresh.told", "fresh.against"], "block list")


def test_words_of_mail_servers_are_read_as_those_of_live_answers() -> None:
    """A provider hands on what Gmail said to it: the same signal, whatever code it gives besides."""
    said = "smtp; 421-4.7.28 Our system has detected an unusual rate of unsolicited mail"
    move = plan([told("deferred", -1, klass="block", detail=said)], {MESSAGE: sent()}, {}, lambda _: False).moves[0]
    assert counted(*move, NOW) == (["reported.deferred", "fresh.deferred"], "gmail unusual rate")
    full = told("deferred", -1, klass="block", detail="452 4.2.2 The email account is over quota")
    move = plan([full], {MESSAGE: sent()}, {}, lambda _: False).moves[0]
    assert counted(*move, NOW) == (["reported.deferred"], "")


def test_counts_of_reports_stand_beside_those_of_answers() -> None:
    """Pacing takes differences of one record for each route and group."""
    counts = RouteCounts()
    counts.note("ses", "gmail", [Outcome("accepted", NOW)])
    counts.told("ses", "gmail", {"reported.bounced": 1}, {"block list": 1})
    counts.told("ses", "gmail", {"reported.bounced": 1})
    (health,) = counts.report(full=False)
    assert health.counts == {"accepted": 1, "reported.bounced": 2} and health.signals == {"block list": 1}
    assert not counts


@given(st.lists(st.floats(0, 200_000), min_size=1), st.floats(0.01, 1.0))
def test_a_lag_is_never_told_too_low(lags: list[float], share: float) -> None:
    """The figure is the upper end of the bucket in which the share is reached."""
    counts: dict[str, int] = {}
    for lag in lags:
        counts[lag_name(lag)] = counts.get(lag_name(lag), 0) + 1
    found = lag_at(share, counts)
    assert found is not None and sum(lag <= found for lag in lags) >= share * len(lags)
    assert found == float("inf") or found in LAGS
    assert lag_at(share, {}) is None


def test_look_ups_have_no_lag_and_providers_without_a_clock_neither() -> None:
    """A fetched report is as late as the look-up."""
    assert heard_counts([told("delivered", -90)], "ses, looked up", NOW) == {LOOKED_UP: 1}
    assert heard_counts([told("delivered", 0), told("delivered", 0.2)], "twilio", NOW) == {HEARD: 2}
    assert heard_counts([told("delivered", -90)] * 2, "ses", NOW) == {HEARD: 2, "lag.120": 2}
    assert heard_counts([told("delivered", 3), told("open", -5)], "ses", NOW) == {HEARD: 2, "lag.1": 1, "lag.5": 1}
