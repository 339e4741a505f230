"""What people see of pacing: what waits, and how much of limits is used."""

from app.delivery.limits.bounds import Places
from app.delivery.limits.caps import NO_CAP
from app.delivery.pacing.pacer import Pacer
from app.delivery.partition_records import ClassKey
from app.routes import LimitStatus


def queue(pacer: Pacer) -> list[dict[str, object]]:
    """What waits for credit, class by class over all partitions."""
    rows: dict[ClassKey, list[int]] = {}
    for heard in pacer.heard:
        for key, cell in heard.cells.items():
            row = rows.setdefault(key, [0, 0, 0])
            row[0] += cell.due
            row[1] += sum(cell.open.values())
            row[2] += cell.pending
    return [
        {
            "campaign": key.campaign, "lane": key.lane, "group": key.group, "tier": key.tier, "retry": key.retry,
            "pin": key.pin, "channel": key.channel, "parts": key.parts, "sender": key.sender,
            "due": due, "open": open_, "granted": granted,
        }
        for key, (due, open_, granted) in sorted(rows.items())
    ]  # fmt: skip


def meters_in_use(pacer: Pacer) -> list[LimitStatus]:
    """Caps of which something is used, and numbers on the way that are not zero."""
    shown = [
        LimitStatus(
            name=name, used=cap.used, resets_at=cap.resets_at, most=None if cap.most >= NO_CAP else float(cap.most)
        )
        for name, cap in pacer.caps.items()
        if cap.used
    ]
    shown += [
        LimitStatus(name=bound.name, most=float(bound.most), on_the_way=bound.used)
        for bound in pacer.book.bounds.values()
        if isinstance(bound, Places) and bound.used
    ]
    return sorted(shown, key=lambda each: each.name)
