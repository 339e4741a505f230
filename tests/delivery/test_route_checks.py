"""Provider routes that cannot be: each is refused with the field at fault and with words that say what to do."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.commands import Command
from app.delivery.campaigns.things import ByHand, Decision, Gone, Owned, Refusal, decide
from app.delivery.limits.checks import Known
from app.delivery.routes.checks import MOST_ROUTES, in_order, loop_from, notes_on, notes_on_accounts, wrong_route
from app.routes import Route
from app.things import Account

NOW = 1_800_000_000.0


def route(name: str = "a", **fields: object) -> Route:
    """A route to a server on this machine."""
    return Route.model_validate({"name": name, "smtp": {"host": "127.0.0.1", "tls": "never"}} | fields)


def stored(*routes: Route) -> dict[str, Route]:
    """What is stored."""
    return {each.name: each for each in routes}


def asked(kind: str, routes: dict[str, Route], *, running: int = 0, **fields: object) -> Decision | Refusal:
    """What becomes of a command."""
    command = Command.model_validate({"id": "x", "kind": kind} | fields)
    return decide(Owned(account=Account(name="default"), routes=routes, running=running), command, NOW)


def done(decision: Decision | Refusal) -> Decision:
    """A decision that is no refusal."""
    assert isinstance(decision, Decision), decision
    return decision


SERVER = {"host": "smtp.example.com"}


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"fallbacks": ["a"]}, "fallbacks.0", "itself"),
        ({"fallbacks": ["b", "c"]}, "fallbacks.1", "set it first (there are: b)"),
        ({"fallbacks": ["b", "b"]}, "fallbacks.0", "twice"),
        ({"countries": ["PT"]}, "countries", "no email has"),
        ({"carriers": ["vodafone"]}, "carriers", "no email has"),
        ({"groups": ["gmail", "Yahoo"]}, "groups.1", "'yahoo'"),
        ({"groups": ["gmail.com"]}, "groups.0", "'gmail'"),
        ({"groups": ["gmial"]}, "groups.0", "no MX group 'gmial'"),
        ({"groups": ["*"]}, "groups.0", "no recipient"),
        ({"tags": ["x", "x"]}, "tags", "twice"),
        ({"pool": "my pool"}, "pool", "letters, digits"),
        ({"pool": "b"}, "pool", "belongs to one provider"),
        ({"provider": "*"}, "provider", "letters, digits"),
        ({"smtp": SERVER | {"user": "u"}}, "smtp.password", "env:NAME"),
        ({"smtp": SERVER | {"password": "env:P"}}, "smtp.user", "needs a user"),
        ({"smtp": SERVER | {"user": "u", "password": "env:P", "tls": "never"}}, "smtp.tls", "in the clear"),
        ({"smtp": SERVER | {"helo": "x\r\nMAIL"}}, "smtp.helo", "no host name"),
        ({"smtp": SERVER | {"port": 465}}, "smtp.tls", "implicit"),
        ({"breaker": {"open_for": 60, "longest": 30}}, "breaker.longest", "below open_for"),
    ],
)
def test_a_route_that_cannot_be_is_refused(fields: dict[str, object], field: str, words: str) -> None:
    """
    A route that silently never takes a message, or sends a password in the clear, is worse than a clear no.
    """
    wrong = wrong_route(route(**({"name": "a"} | fields)), stored(route("b", provider="other")))  # type: ignore[arg-type]
    assert wrong is not None and wrong[0] == field and words in wrong[1], wrong
    refusal = asked("route.set", stored(route("b", provider="other")), route=route(**fields).model_dump())  # type: ignore[arg-type]
    assert isinstance(refusal, Refusal) and (refusal.status, refusal.field) == (422, f"route.{field}")


def test_a_circle_of_fallbacks_is_named() -> None:
    """
    Messages must not go around; who wrote it has to see which way leads back.
    """
    there = stored(route("b", fallbacks=["c"]), route("c", fallbacks=["a"]), route("a"))
    wrong = wrong_route(route("a", fallbacks=["b"]), there)
    assert wrong is not None and wrong[0] == "fallbacks" and "a -> b -> c -> a" in wrong[1]
    assert wrong_route(route("a", fallbacks=None), there) is None, "null names nobody"


def test_pools_may_be_shared_by_routes_of_one_provider() -> None:
    """
    Two relays may send from the same addresses; limits and warm-up then count for both.
    """
    there = stored(route("b", provider="p", pool="warm"))
    assert wrong_route(route("a", provider="p", pool="warm"), there) is None
    assert wrong_route(route("warm", provider="q"), there) == (
        "name",
        wrong_route(route("warm", provider="q"), there)[1],
    )  # type: ignore[index]


@given(st.lists(st.tuples(st.integers(0, 6), st.lists(st.integers(0, 6), max_size=3, unique=True)), max_size=30))
def test_what_is_stored_step_by_step_never_has_a_circle(steps: list[tuple[int, list[int]]]) -> None:
    """
    Whatever is asked for, in whatever order: following fallbacks always ends.
    """
    there = {str(number): route(str(number)) for number in range(7)}
    for number, fallbacks in steps:
        wanted = route(str(number), fallbacks=[str(each) for each in fallbacks])
        if wrong_route(wanted, there) is None:
            there[wanted.name] = wanted
    assert not any(loop_from(name, there) for name in there)


@given(st.permutations(["a", "b", "c", "d"]), st.permutations(["a", "b", "c", "d"]))
def test_a_file_of_routes_is_brought_into_an_order_that_works(before: list[str], after: list[str]) -> None:
    """
    Each names the next of the permutation: also when that turns all around what is stored.
    """

    def chain(names: list[str]) -> list[Route]:
        following = dict(pairwise(names))
        return [route(name, fallbacks=[following[name]] if name in following else []) for name in sorted(names)]

    there = stored(*chain(before))
    order = in_order(chain(after), there)
    assert isinstance(order, list) and len(order) == 4
    for each in order:
        assert wrong_route(each, there) is None
        there[each.name] = each


def test_a_file_that_cannot_be_tells_which_route_and_why() -> None:
    """
    The words are of what is wrong in the file, not of the order in which it was tried.
    """
    circle = in_order([route("a", fallbacks=["b"]), route("b", fallbacks=["a"])], {})
    assert isinstance(circle, tuple) and circle[0] == "a.fallbacks" and "a -> b -> a" in circle[1]
    unknown = in_order([route("a", fallbacks=["b"]), route("b", fallbacks=["z"])], {})
    assert isinstance(unknown, tuple) and unknown[0] == "b.fallbacks.0"


def test_a_route_is_made_changed_and_deleted_with_rising_revisions() -> None:
    """
    As every other thing: two who change it at once must not undo each other.
    """
    made = done(asked("route.set", {}, route=route("a", revision=7).model_dump()))
    assert made.status == 201 and isinstance(made.change, Route) and made.change.revision == 1
    assert made.thing == made.change.model_dump(mode="json")
    there = stored(made.change)
    changed = done(asked("route.set", there, route=route("a", weight=3).model_dump(), match=1))
    assert changed.status == 200 and isinstance(changed.change, Route)
    assert (changed.change.revision, changed.change.weight) == (2, 3)
    for kind, fields in (("route.set", {"route": route("a").model_dump()}), ("route.delete", {"thing": "a"})):
        stale = asked(kind, stored(changed.change), match=1, **fields)
        assert isinstance(stale, Refusal) and (stale.status, stale.field) == (412, "match")
    gone = done(asked("route.delete", stored(changed.change), thing="a", match=2))
    assert gone.change == Gone("route", "a", 3) and gone.thing["deleted"]


def test_a_fallback_of_others_is_not_deleted() -> None:
    """
    It would leave them with a name that leads nowhere.
    """
    there = stored(route("a", fallbacks=["c"]), route("b", fallbacks=["c"]), route("c"))
    refusal = asked("route.delete", there, thing="c")
    assert isinstance(refusal, Refusal) and refusal.status == 409 and "a, b" in refusal.error
    missing = asked("route.delete", there, thing="z")
    assert isinstance(missing, Refusal) and missing.status == 404 and "a, b, c" in missing.error


def test_there_is_a_bound_to_routes() -> None:
    """
    Pacing looks at all of them.
    """
    full = {f"r{number}": route(f"r{number}") for number in range(MOST_ROUTES)}
    assert isinstance(asked("route.set", full, route=route("more").model_dump()), Refusal)
    assert isinstance(asked("route.set", full, route=route("r1").model_dump()), Decision)


def test_whoever_leaves_no_route_is_told() -> None:
    """
    It may be meant; it must not be an accident that nobody notices until the campaign is late.
    """
    there = stored(route("a"), route("b", weight=0))
    (note,) = done(asked("route.set", there, running=2, route=route("a", enabled=False).model_dump())).notes
    assert "nothing is sent" in note and "2 running campaigns" in note
    (note,) = done(asked("route.delete", stored(route("a")), thing="a")).notes
    assert "FANFARE_SMTP_HOST" in note
    assert "no longer" in notes_on({}, there, 0)[0]
    assert done(asked("route.set", there, running=2, route=route("c").model_dump())).notes == []


def test_a_route_is_taken_out_of_service_by_hand() -> None:
    """
    Also the one that there is while none is stored.
    """
    opened = done(asked("route.open", stored(route("a")), thing="a", reason="maintenance"))
    assert opened.change == ByHand("a", True, "maintenance") and opened.thing["name"] == "a"
    assert done(asked("route.close", {}, thing="smtp")).change == ByHand("smtp", False, "")
    for there in ({}, stored(route("a"))):
        assert isinstance(asked("route.open", there, thing="smtp" if there else "a"), Refusal)


def test_an_account_that_nobody_has_heard_of_is_noted() -> None:
    """It may be made later, so it is no mistake; most often it is one."""
    (note,) = notes_on_accounts(route(accounts=["acme", "nosuch"]), ["default", "acme"])
    assert note.startswith("there is no account 'nosuch' yet")
    assert notes_on_accounts(route(accounts=["acme"]), ["acme"]) == notes_on_accounts(route(), ["acme"]) == []
    command = Command.model_validate({"id": "x", "kind": "route.set", "route": route(accounts=["nosuch"]).model_dump()})
    owned = Owned(account=Account(name="default"), routes=stored(route("b")), limits=Known(accounts=["default"]))
    assert "nosuch" in done(decide(owned, command, NOW)).notes[0]
