"""Web views of the workers: what partitions hold and what pacing knows, as JSON. Bound to loopback by default."""

from typing import Any

from faust.web import Request, View

from agents.pacing import Pacing
from agents.recipients import Recipients
from app.delivery.outcomes import FINAL
from app.delivery.pacing.seen import meters_in_use, queue
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


def attach_pacing_views(app: StreamApp, pacing: Pacing) -> None:
    """Add /campaigns/{id}/, /accounts/{name}/ and /pacing/ to the worker's web server."""

    @app.page("/campaigns/{campaign}/")
    async def campaign(view: View, _: Request, campaign: str) -> Any:
        entry = pacing.owned.get(campaign) if pacing.group is not None else None
        if entry is None:
            return view.json({"error": f"no campaign {campaign!r} here"}, status=404)
        counters = entry.counters or pacing.pacer.counts(campaign)
        audience = entry.seal.count if entry.seal is not None else None
        final = sum(counters.get(name, 0) for name in FINAL)
        return view.json(
            {"campaign": campaign, "state": entry.state, "audience": audience, "final": final, "counters": counters}
        )

    @app.page("/accounts/{account}/")
    async def account(view: View, _: Request, account: str) -> Any:
        total: dict[str, int] = {}
        states: dict[str, int] = {}
        for entry in pacing.campaigns.values():
            if entry.account != account:
                continue
            states[entry.state] = states.get(entry.state, 0) + 1
            for name, n in (entry.counters or pacing.pacer.counts(entry.id)).items():
                total[name] = total.get(name, 0) + n
        return view.json({"account": account, "campaigns": states, "counters": total})

    @app.page("/pacing/")
    async def pace(view: View, _: Request) -> Any:
        limits = [
            {"name": name, "rate": bucket.rate, "burst": bucket.burst, "tokens": round(bucket.tokens, 3)}
            for name, bucket in sorted(pacing.pacer.buckets.items())
        ]
        used = [each.model_dump(exclude_none=True) for each in meters_in_use(pacing.pacer)]
        held = pacing.pacer.held()
        return view.json(
            {
                "heard_in_full": pacing.pacer.complete,
                "limits": limits,
                "used": used,
                "held": held,
                "queue": queue(pacing.pacer),
            }
        )
