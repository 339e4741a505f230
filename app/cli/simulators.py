"""`fanfare simulators`: providers simulated on this machine, broken and mended to see what Fanfare does about it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.console import AsJson, emit, examples, say, table
from app.cli.failures import CommandError, Exit

if TYPE_CHECKING:
    from app.routes import Route

simulators = typer.Typer(
    help="Simulators of providers: they send nothing, answer as the real ones do, and report what became of it.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=examples(
        "fanfare up --simulate ses,twilio,whatsapp",
        "fanfare simulators show",
        "fanfare simulators break ses --outage 30s",
        "fanfare simulators mend ses",
    ),
)

TIMEOUT = 5.0

Name = Annotated[str, typer.Argument(metavar="NAME", help="ses, sendgrid, mailgun, twilio, msg91, vonage, whatsapp.")]
Span = Annotated[str, typer.Option(metavar="TIME", help="For so long: 30s, 5m.")]


def attach(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.add_typer(simulators, name="simulators")


@simulators.command(
    "show",
    epilog=examples("fanfare simulators show", "fanfare simulators show twilio", "fanfare simulators show --json"),
)
def show(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Only this one, in full.")] = "", as_json: AsJson = False
) -> None:
    """Show what the simulators took and refused, what they reported, and what they were told to do."""
    told = _asked(f"control/{name}")
    if as_json:
        emit({"simulators": {name: told} if name else told})
    elif name:
        rows = [(what, value) for part in ("counts", "reports") for what, value in sorted(told[part].items())]
        table(name, ("what", "count"), rows, right=(1,))
        say(f"Kinds of errors: {', '.join(told['kinds'])}.")
        say(f"Trouble: {_trouble(told['orders']) or 'none'}.")
    else:
        columns = ("name", "calls", "taken", "refused", "reported", "waiting", "given up", "trouble")
        table("Simulators", columns, [_row(each, its) for each, its in told.items()], right=range(1, 7))


@simulators.command(
    "break",
    epilog=examples(
        "fanfare simulators break ses --outage 30s",
        "fanfare simulators break twilio --throttle 10 --for 1m",
        "fanfare simulators break sendgrid --error server=0.2 --error throttle=0.1",
        "fanfare simulators break vonage --lose-answers 0.01",
        "fanfare simulators break mailgun --no-reports 5m",
        "fanfare simulators show",
    ),
)
def break_simulator(
    name: Name,
    outage: Annotated[str, typer.Option(metavar="TIME", help="Every call is answered 503 for so long: 30s.")] = "",
    refuse: Annotated[str, typer.Option(metavar="TIME", help="Connections are refused for so long.")] = "",
    hang: Annotated[str, typer.Option(metavar="TIME", help="No call is answered for so long.")] = "",
    no_reports: Annotated[str, typer.Option(metavar="TIME", help="What happens meanwhile is never reported.")] = "",
    throttle: Annotated[float | None, typer.Option(metavar="N", help="Take N calls a second.")] = None,
    error: Annotated[
        list[str] | None, typer.Option(metavar="KIND=SHARE", help="Such errors, as a share of calls; repeatable.")
    ] = None,
    lose_answers: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Calls that are carried out, and whose answer is lost.")
    ] = None,
    latency: Annotated[
        float | None, typer.Option(metavar="MS", help="Milliseconds before answers, on average.")
    ] = None,
    twice: Annotated[float | None, typer.Option(metavar="SHARE", help="Reports that come twice.")] = None,
    disorder: Annotated[float | None, typer.Option(metavar="SHARE", help="Reports that overtake others.")] = None,
    lasts: Annotated[str, typer.Option("--for", metavar="TIME", help="How long; default until it is mended.")] = "",
    as_json: AsJson = False,
) -> None:
    """Have a simulator fail: for a time, or until it is mended or Fanfare starts anew."""
    from app.cli.times import span_of

    wish: dict[str, Any] = {"mend": True}
    wish |= _timed(outage, refuse, hang, no_reports)
    wish |= {
        field: value
        for field, value in (
            ("rate", throttle), ("lost", lose_answers), ("latency_ms", latency), ("twice", twice),
            ("disorder", disorder), ("errors", _shares(error) if error else None),
        )
        if value is not None
    }  # fmt: skip
    if lasts:
        wish["seconds"] = span_of(lasts, "--for")
    if len(wish) == 1:
        raise CommandError("nothing to break", "say how, such as --outage 30s", Exit.USAGE)
    told = _asked(f"control/{name}", wish)
    if as_json:
        emit({"name": name, "orders": told["orders"]})
    else:
        say(f"{name}: {_trouble(told['orders'])}. `fanfare simulators mend {name}` ends it.")


@simulators.command("mend", epilog=examples("fanfare simulators mend ses"))
def mend(name: Name, as_json: AsJson = False) -> None:
    """Have a simulator work again as it was started."""
    told = _asked(f"control/{name}", {"mend": True})
    if as_json:
        emit({"name": name, "orders": told["orders"]})
    else:
        say(f"{name} works again.")


@simulators.command(
    "reply", epilog=examples("fanfare simulators reply twilio --from +14155550100 --to +15005550006 --text STOP")
)
def reply(
    name: Name,
    sender: Annotated[str, typer.Option("--from", help="The phone of a recipient.")],
    to: Annotated[str, typer.Option("--to", help="The number that they answer to.")],
    text: Annotated[str, typer.Option("--text", help="What they write.")] = "STOP",
    as_json: AsJson = False,
) -> None:
    """Have a recipient write to one of our numbers."""
    told = _asked(f"control/{name}/inbound", {"from": sender, "to": to, "text": text})
    if as_json:
        emit({"name": name, **told})
    else:
        used = str(told.get("to", to))
        say(
            f"{sender} wrote {text!r} to {used}"
            + ("." if used == to else f": {name} has no other number, so not to {to}.")
        )


@simulators.command("routes", epilog=examples("fanfare up --simulate all", "fanfare simulators routes"))
def make_routes(as_json: AsJson = False) -> None:
    """Make a route to each simulator that runs; `fanfare up --simulate` does it too."""
    made = set_routes()
    if as_json:
        emit({"routes": [each.name for each in made]})
        return
    for line in told_of(made):
        say(line)


# -- for `fanfare up`


def set_routes() -> "list[Route]":
    """Make or renew the routes to the simulators that run."""
    from app.cli.known import known
    from app.cli.routes import carry_out
    from app.cli.routes_file import of_sinks, planned
    from app.cli.sinks import running
    from app.local.parts import simulators_dir
    from app.local.simulators.keys import Keys
    from app.local.simulators.routes import routes_of
    from app.settings import settings

    names = list(_asked("control/"))
    made = routes_of(names, settings().simulator_port, Keys(simulators_dir(settings().state_dir) / "keys"))
    stored = known(lambda tail: dict(tail.routes))
    wanted = list(made)
    ours = {each.name for each in made}
    if not any(each.channel == "email" and not each.tags for name, each in stored.items() if name not in ours):
        wanted += of_sinks(running())  # mail without a tag has to go somewhere
    carry_out(planned(wanted, stored, False).commands())
    return made


def told_of(made: "list[Route]") -> list[str]:
    """What to try next, in lines."""
    lines = ["Simulated, with routes of their own; nothing leaves this machine:"]
    for each in made:
        tagged = f'with "route_tags": ["{each.tags[0]}"]' if each.tags else "without route_tags"
        lines.append(f"  {each.name}: takes {each.channel} of campaigns {tagged}")
    lines += [
        "Try next (docs/simulators.md has a walk):",
        "  fanfare routes list",
        "  fanfare simulators show",
        f"  fanfare simulators break {made[0].adapter} --outage 30s" if made else "  fanfare simulators --help",
    ]
    return lines


# -- what they have in common


def _asked(path: str, body: Any = None) -> Any:
    """What the simulators answer. CommandError when none run, or when they do not take the order."""
    import json
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    from app.settings import settings

    url = f"http://127.0.0.1:{settings().simulator_port}/{path}"
    data = None if body is None else json.dumps(body).encode()
    try:
        with urlopen(Request(url, data, {"Content-Type": "application/json"}), timeout=TIMEOUT) as answer:
            return json.load(answer)
    except HTTPError as error:
        with error:
            told = error.read().decode("utf-8", "replace")
        try:
            said = str(json.loads(told)["error"])
        except (ValueError, KeyError, TypeError):
            said = told
        raise CommandError(said, "`fanfare simulators show` lists them", Exit.USAGE) from error
    except (URLError, OSError, ValueError) as error:
        raise CommandError(
            f"no simulator answers on port {settings().simulator_port}",
            "`fanfare up --simulate ses,twilio` starts some",
            Exit.NOT_REACHABLE,
        ) from error  # fmt: skip


def _timed(outage: str, refuse: str, hang: str, no_reports: str) -> dict[str, Any]:
    """The one trouble of these that was asked for, and for how long."""
    from app.cli.times import span_of

    asked = [
        (option, span, fields)
        for option, span, fields in (
            ("--outage", outage, {"outage": "error"}), ("--refuse", refuse, {"outage": "refuse"}),
            ("--hang", hang, {"outage": "hang"}), ("--no-reports", no_reports, {"reports": False}),
        )
        if span
    ]  # fmt: skip
    if len(asked) > 1:
        raise CommandError(f"{asked[0][0]} and {asked[1][0]} do not go together", "give one of them", Exit.USAGE)
    return {k: v for option, span, fields in asked for k, v in (*fields.items(), ("seconds", span_of(span, option)))}


def _shares(said: list[str]) -> dict[str, float]:
    shares = {}
    for each in said:
        kind, _, share = each.partition("=")
        try:
            shares[kind] = float(share or 1)
        except ValueError as error:
            raise CommandError(
                f"--error {each!r} is no share", "write KIND=0.2, or KIND for all", Exit.USAGE
            ) from error
    return shares


def _row(name: str, told: dict[str, Any]) -> list[object]:
    counts, reports = told["counts"], told["reports"]
    refused = sum(count for what, count in counts.items() if what.startswith(("refused.", "errors")))
    told_of_it = (reports.get(what, 0) for what in ("told", "waiting", "given_up"))
    return [name, counts.get("calls", 0), counts.get("taken", 0), refused, *told_of_it, _trouble(told["orders"])]


def _trouble(orders: dict[str, Any]) -> str:
    """What a simulator was told to do, in words; "" for nothing."""
    import time

    words = {"refuse": "refuses connections", "error": "answers 503", "hang": "answers nothing", "": ""}
    told = [words[orders["outage"]]]
    told += [f"{orders['rate']:g} calls/s"] if orders["rate"] else []
    told += [f"{kind}: {share:.0%} of the calls" for kind, share in orders["errors"].items()]
    told += [f"loses {orders['lost']:.0%} of the answers"] if orders["lost"] else []
    told += [] if orders["reports"] else ["reports nothing"]
    told += [f"{orders['twice']:.0%} of the reports twice"] if orders["twice"] else []
    told += [f"{orders['disorder']:.0%} of the reports out of order"] if orders["disorder"] else []
    told += [f"{orders['latency_ms']:g} ms"] if orders["latency_ms"] >= 100 else []
    if orders["ends_at"]:
        told.append(f"for {max(0.0, orders['ends_at'] - time.time()):.0f} s")
    return ", ".join(filter(None, told))
