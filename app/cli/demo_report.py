"""Tells what became of a demo: a table for people, figures for programs."""

import json
from typing import Any

from app.cli.console import say, table
from app.cli.demo_result import DemoResult
from app.settings import Settings

# Rows of the table: counter, its name, and whether its classes are listed below it.
ROWS = (
    ("sent", "sent (a relay took it)", False),
    ("delivered", "delivered (the mailbox provider took it)", False),
    ("bounced", "bounced", True),
    ("blocked", "blocked", True),
    ("unknown", "outcome unknown", False),
    ("given_up", "given up after the last retry", False),
    ("dropped.suppressed", "suppressed", False),
    ("dropped.duplicate", "duplicates dropped", False),
    ("deferred", "deferred, then tried again (attempts)", False),
)


def figures_of(result: DemoResult) -> dict[str, Any]:
    """*result* for scripts."""
    return {
        "campaign": result.campaign,
        "audience": result.audience,
        "accepted": result.accepted,
        "refused": result.refused,
        "lost": result.lost,
        "duplicated": result.duplicated,
        "unknown": result.unknown,
        "seconds": result.seconds,
        "messages_per_second": result.messages_per_second,
        "bulk_seconds": result.bulk_seconds,
        "by_status": result.by_status,
        "counts": dict(result.counts),
    }


def write_figures(settings: Settings, result: DemoResult) -> dict[str, Any]:
    """Write demo.json into the state folder; what it says."""
    figures = figures_of(result)
    (settings.state_dir / "demo.json").write_text(json.dumps(figures, indent=2) + "\n")
    return figures


def show(settings: Settings, result: DemoResult, recorded: bool) -> None:
    """Print the table, and where to look next."""
    rows: list[tuple[str, object]] = [("audience", result.audience)]
    for name, title, with_classes in ROWS:
        rows.append((title, result.counts.get(name, 0)))
        if with_classes:
            found = sorted((each, count) for each, count in result.counts.items() if each.startswith(f"{name}."))
            rows += [(f"  {each.removeprefix(f'{name}.')}", count) for each, count in found]
    rows += [
        ("lost, by the sink's own record", result.lost),
        ("duplicated, by the sink's own record", result.duplicated),
        ("messages/s, first to last accepted", round(result.messages_per_second)),
    ]
    table(f"Campaign {result.campaign}", ("", "messages"), rows, right=(1,))
    say(f"{result.accepted:,} accepted in {result.seconds:.1f} s, 98 % of them in {result.bulk_seconds:.1f} s.")
    say(
        "ClickHouse has recorded the same."
        if recorded
        else "ClickHouse has not recorded all of it yet: `fanfare status` shows whether it runs."
    )
    say(f"Live page: {page_of(settings, result.campaign)}")
    say(f"Who bounced: fanfare messages {result.campaign} --status BOUNCED")
    say("Stop everything: fanfare down (or make down)")


def page_of(settings: Settings, campaign: str) -> str:
    """The address of the live page of *campaign*."""
    own = f"http://{settings.edge_host}:{settings.edge_port}"
    # In a container the edge listens on every address, and none of them is one to open.
    base = settings.public_url.rstrip("/") if settings.edge_host in ("0.0.0.0", "::") else own
    return f"{base}/campaigns/{campaign}"
