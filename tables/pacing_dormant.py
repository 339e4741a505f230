"""The campaigns of the pacing table that nothing happens to for long: drafts, and what is due in more than a day.

| section | key | value | written by | shrinks |
|---|---|---|---|---|
| dormant | d id | CampaignEntry, JSON | command, course | when it starts or wakes |
| due | u moment, id | nothing | command, course | when it starts or wakes |

They are read by id, or in the order in which they are due as far as that is near: never all of them.
"""

from app.commands import CampaignEntry
from tables.pacing import Items
from tables.recipients import Store

DORMANT, DUE = b"d", b"u"


def dormant_items(entry: CampaignEntry) -> Items:
    """Store a dormant campaign."""
    items: Items = [(DORMANT + entry.id.encode(), entry.model_dump_json().encode())]
    return items if entry.due_at is None else [*items, (_due_key(entry), b"")]


def woken_items(entry: CampaignEntry) -> Items:
    """Tombstones for a campaign that is dormant as *entry*, and will not be as that any more."""
    return [(key, None) for key, _ in dormant_items(entry)]


def dormant(store: Store, group: int, campaign: str) -> CampaignEntry | None:
    """A dormant campaign."""
    (raw,) = store.get_many(group, [DORMANT + campaign.encode()])
    return None if raw is None else CampaignEntry.model_validate_json(raw)


def due_before(store: Store, group: int, moment: float, most: int) -> list[str]:
    """Ids of dormant campaigns that are due before *moment*, the first ones first."""
    found: list[str] = []
    for key, _ in store.scan(group, DUE):
        at, _, campaign = key[len(DUE) :].decode().partition("|")
        if float(at) >= moment or len(found) >= most:
            break
        found.append(campaign)
    return found


def _due_key(entry: CampaignEntry) -> bytes:
    return DUE + f"{entry.due_at:017.3f}|{entry.id}".encode()
