"""Why somebody has no message of a campaign: it comes yet, they were left out, or it was never meant for them."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.commands import CampaignEntry
from app.delivery.campaigns.lifecycle import ENDED
from app.delivery.explain import words as words
from app.delivery.explain.steps import listed
from app.delivery.explain.story import Explanation, Seat, Step, Story, Suppressed, Waiting
from app.delivery.limits.words import STATE
from app.delivery.why import told


@dataclass(frozen=True, slots=True)
class Membership:
    """A list of the campaign, and since when somebody is on it; 0 for who is not."""

    name: str
    since: float = 0.0
    left: float = 0.0


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of whom a campaign has no message."""

    campaign: CampaignEntry
    now: float
    recipient: str
    address: str = ""
    seat: Seat | None = None
    memberships: Sequence[Membership] = ()
    is_known: bool = True  # there is such a contact
    suppressions: Sequence[Suppressed] = ()


def explain_absence(person: Person) -> Explanation:
    """Why *person* has no message of the campaign: it comes yet, they were left out, or never meant."""
    entry, seat = person.campaign, person.seat
    steps = [
        Step(each.since, "list", f"On list {each.name} since then.", rule="list")
        for each in person.memberships
        if each.since
    ]
    final, waiting = True, None
    if seat is not None and seat.reason:
        text = f"left out when the audience was fixed: {words.left_out(seat.reason)}"
        steps.append(Step(seat.sealed_at, "left_out", f"{text[0].upper()}{text[1:]}.", rule=seat.reason))
        summary = f"No message: {text}."
    elif seat is not None:
        steps += listed(Story("", entry.id, "", (), person.now, entry=entry, seat=seat))
        final = entry.state in ENDED
        text = (
            "its campaign ended before" if final else words.NOT_READ.get(entry.state, f"its campaign is {entry.state}")
        )
        waiting = None if final else Waiting(f"{STATE}|{entry.id}", text, seat.sealed_at, seat.due)
        summary = f"No message{'' if final else ' yet'}: in the audience as row {seat.row:,}; {text}."
    elif entry.seal is None and entry.state not in ENDED:
        final, text = False, words.NOT_SEALED.get(entry.state, "the audience is not fixed yet")
        waiting = Waiting(f"{STATE}|{entry.id}", text, entry.created_at, entry.due_at or 0.0)
        summary = f"No message yet: {text}."
    else:
        summary = f"No message: {_never_meant(person)}."
    return Explanation(
        "", entry.id, person.recipient, person.address, "NOT_LISTED", final, summary,
        sorted(steps, key=lambda each: each.at), waiting,
    )  # fmt: skip


def _never_meant(person: Person) -> str:
    spec, sealed = person.campaign.spec, person.campaign.started_at
    if not person.is_known:
        return "there is no contact with this address"
    if spec.retry_of:
        return f"it goes to those only whom campaign {spec.retry_of} failed"
    late = [each.name for each in person.memberships if sealed and each.since > sealed]
    if late:
        return f"they came on list {words.listing(late)} after the audience was fixed at {told(sealed or 0.0)}"
    gone = [each for each in person.memberships if each.left]
    if gone and not any(each.since for each in person.memberships):
        return (
            f"they left list {words.listing([each.name for each in gone])}, at {told(max(each.left for each in gone))}"
        )
    where = [f"list {each}" for each in spec.lists] + [f"segment {each}" for each in spec.segments]
    return f"they are not on {words.listing(where)}" if where else "nothing was sent to them in this campaign"
