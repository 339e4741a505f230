"""Web views of a recipients worker: what its partitions hold, as JSON. Bound to loopback by default."""

from typing import Any

from faust.web import Request, View

from agents.recipients import Recipients
from app.stream.app import StreamApp


def attach_partition_views(app: StreamApp, recipients: Recipients) -> None:
    """Add /partitions and /partitions/campaigns/{id} to the worker's web server."""

    @app.page("/partitions/")
    async def partitions(view: View, _: Request) -> Any:
        return view.json([
            {
                "partition": number,
                "waiting": sum(pack.count - pack.cursor for pack in state.packs.values()),
                "open_releases": len(state.releases),
                "last_slip": state.marks.slip,
                "version": recipients.table.version(number),
            }
            for number, state in sorted(recipients.partitions.items())
        ])  # fmt: skip

    @app.page("/partitions/campaigns/{campaign}/")
    async def campaign_counts(view: View, _: Request, campaign: str) -> Any:
        total: dict[str, int] = {}
        waiting = 0
        for state in recipients.partitions.values():
            for name, n in state.counters.get(campaign, {}).items():
                total[name] = total.get(name, 0) + n
            waiting += sum(p.count - p.cursor for p in state.packs.values() if p.campaign == campaign)
        return view.json({"campaign": campaign, "waiting": waiting, "counters": total})
