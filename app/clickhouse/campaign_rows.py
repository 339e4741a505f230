"""A campaign's entry as a row of the campaigns table: the mirror that is listed, searched and joined with."""

from app.clickhouse.moments import milliseconds, moment
from app.commands import CampaignEntry

Place = tuple[int, str]  # where a campaign stands in the order of an account: created_at in ms, id


def place_of(entry: CampaignEntry) -> Place:
    """The place of *entry* among the campaigns of its account; the newest has the highest."""
    return milliseconds(entry.created_at), entry.id


def campaign_row(entry: CampaignEntry, raw: str, deleted: bool = False) -> dict[str, object]:
    """The row of *entry*, whose JSON is *raw*; of several with one id the highest revision stays."""
    spec = entry.spec
    return {
        "account": entry.account, "created_at": moment(entry.created_at), "id": entry.id, "version": entry.revision,
        "deleted": int(deleted), "state": entry.state, "project": spec.project, "name": spec.name, "kind": spec.kind,
        "channel": spec.channel, "lists": spec.lists, "audience": 0 if entry.seal is None else entry.seal.count,
        "counters": entry.counters, "reason": entry.reason, "due_at": moment(entry.due_at),
        "started_at": moment(entry.started_at), "finished_at": moment(entry.finished_at), "entry": raw,
    }  # fmt: skip


def state_row(entry: CampaignEntry, at: float) -> dict[str, object]:
    """The row of campaign_states of *entry*, which was published at the moment *at*."""
    return {
        "account": entry.account, "campaign": entry.id, "revision": entry.revision, "at": moment(at),
        "state": entry.state, "reason": entry.reason,
    }  # fmt: skip
