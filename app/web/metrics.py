"""GET /metrics: how far each plane is behind and what is on its way, as Prometheus reads it.

An autoscaler adds workers to the plane whose `fanfare_backlog_records` grows. docs/scaling.md.
"""

import asyncio
import time
from collections.abc import Iterator

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from app.control import Control
from app.control.backlog import Backlog, read_backlog
from app.web.hooks import COUNTS
from app.web.keys import LINK
from app.web.problems import refuse
from app.web.visitors import visitor

KEEP = 2.0  # seconds: several that scrape at once ask Kafka once
ALIVE = 5.0  # seconds since its last beat


class Scraped:
    """The backlog as it was read last."""

    def __init__(self, kafka: str) -> None:
        self._kafka = kafka
        self._backlogs: list[Backlog] = []
        self._read_at = -KEEP
        self._reading = asyncio.Lock()

    async def backlogs(self) -> list[Backlog]:
        """At most KEEP seconds old. Raises UnreachableError."""
        async with self._reading:
            if time.monotonic() - self._read_at >= KEEP:
                self._backlogs = await asyncio.wait_for(read_backlog(self._kafka), 10.0)
                self._read_at = time.monotonic()
            return self._backlogs


SCRAPED = web.AppKey("scraped", Scraped)


async def metrics(request: web.Request) -> web.Response:
    """The installation in figures. From elsewhere than this machine it takes the key of an operator."""
    who = visitor(request)
    control = request.app[LINK].control
    if who.account is not None and "operator" not in control.tail.keys[who.actor].scopes:
        raise refuse(403, "Not allowed", "metrics are of the whole installation: use the API key of an operator")
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(control, await request.app[SCRAPED].backlogs()))
    if COUNTS in request.app:
        registry.register(request.app[COUNTS])
    return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


class _Figures(Collector):
    def __init__(self, control: Control, backlogs: list[Backlog]) -> None:
        self._control, self._backlogs = control, backlogs

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Every figure, once."""
        behind = GaugeMetricFamily(
            "fanfare_backlog_records", "Records that a plane has not worked off yet", labels=["plane", "topic"]
        )
        for each in self._backlogs:
            behind.add_metric([each.plane, each.topic], each.records)
        yield behind
        yield self._workers()
        totals = self._control.tail.live.totals()
        yield GaugeMetricFamily("fanfare_due_messages", "Messages that wait for credit: limits decide", totals.due)
        yield GaugeMetricFamily("fanfare_open_messages", "Messages released to senders and not answered", totals.open)
        yield self._campaigns()
        yield from self._reports()

    def _workers(self) -> GaugeMetricFamily:
        workers = GaugeMetricFamily("fanfare_workers", "Workers that live, by plane", labels=["plane"])
        now, alive = time.time(), dict[str, int]()
        for beat in self._control.tail.beats.values():
            alive[beat.plane] = alive.get(beat.plane, 0) + (now - beat.at < ALIVE)
        for plane, count in sorted(alive.items()):
            workers.add_metric([plane], count)
        return workers

    def _reports(self) -> Iterator[GaugeMetricFamily]:
        """How late reports of each route come, and what they tell."""
        lags = GaugeMetricFamily(
            "fanfare_report_lag_seconds", "From what a provider reports to its arrival, of the last ten minutes",
            labels=["route", "quantile"],
        )  # fmt: skip
        shares = GaugeMetricFamily(
            "fanfare_reported_share", "Messages of a day that bounced, or were complained of", labels=["route", "fate"]
        )
        missing = GaugeMetricFamily("fanfare_reports_missing", "1: no webhook comes", labels=["route"])
        for name, status in sorted(self._control.tail.route_status.items()):
            for quantile, lag in (("0.5", status.lag), ("0.95", status.lag_most)):
                if lag is not None:
                    lags.add_metric([name, quantile], lag)
            shares.add_metric([name, "bounced"], status.bounced)
            shares.add_metric([name, "complained"], status.complained)
            missing.add_metric([name], status.reports == "missing")
        yield from (lags, shares, missing)

    def _campaigns(self) -> GaugeMetricFamily:
        campaigns = GaugeMetricFamily("fanfare_campaigns", "Live campaigns by state", labels=["state"])
        states: dict[str, int] = {}
        for entry in self._control.campaigns.values():
            states[entry.state] = states.get(entry.state, 0) + 1
        for state, count in sorted(states.items()):
            campaigns.add_metric([state], count)
        return campaigns
