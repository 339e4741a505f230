"""`fanfare lists`: which there are, who is on one, putting on and taking off."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.console import AsJson, emit, examples, say, table
from app.cli.console import people as in_words
from app.cli.failures import CommandError, Exit
from app.cli.order import Account
from app.cli.reading import PAGE, with_clickhouse
from app.cli.suppressions import File, People, people_in
from app.cli.times import iso

if TYPE_CHECKING:
    from app.clickhouse.client import ClickHouse
    from app.clickhouse.lists import ListRow

lists = typer.Typer(
    help="Lists of people.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=examples(
        "fanfare lists list", "fanfare lists show customers", "fanfare lists remove customers ana@example.com"
    ),
)


Name = Annotated[str, typer.Argument(metavar="LIST", help="Name of the list.")]


def attach(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.add_typer(lists, name="lists")


@lists.command("list", epilog=examples("fanfare lists list --account acme", "fanfare lists list --json"))
def list_lists(account: Account = "default", as_json: AsJson = False) -> None:
    """Show the lists of an account."""
    found = with_clickhouse(lambda client: _all_lists(client, account))
    if as_json:
        emit({"lists": [_shown(each) for each in found]})
    elif found:
        rows = [(a.name, a.people, iso(a.created_at), iso(a.last_added_at or None) or "") for a in found]
        table(f"Lists of {account}", ("list", "people", "made", "last added"), rows, right=(1,))
    else:
        say("No lists. Make one: `fanfare contacts import people.csv --list customers`.")


@lists.command("show", epilog=examples("fanfare lists show customers", "fanfare lists show customers --limit 5 --json"))
def show(
    name: Name,
    limit: Annotated[int, typer.Option("--limit", min=1, max=PAGE, help="People to show.")] = 20,
    account: Account = "default",
    as_json: AsJson = False,
) -> None:
    """Show how many people are on a list, and some of them."""
    from app.clickhouse import lists as stored

    async def read(client: "ClickHouse") -> Any:
        return await stored.list_of(client, account, name), await stored.members_page(client, account, name, "", limit)

    found, members = with_clickhouse(read)
    if found is None:
        raise CommandError(f"there is no list {name!r} in {account}", "`fanfare lists list` shows what there is")
    if as_json:
        shown = [{"id": a.id, "email": a.address, "phone": a.phone, "added_at": iso(a.added_at)} for a in members]
        emit({**_shown(found), "members": shown})
        return
    rows = [(a.address or a.phone, iso(a.added_at), iso(a.consent_at or None) or "", a.consent_source) for a in members]
    table(f"{name}: {in_words(found.people)}", ("address", "added", "consent", "where"), rows)


@lists.command("create", epilog=examples("fanfare lists create customers"))
def create(name: Name, account: Account = "default", as_json: AsJson = False) -> None:
    """Make a list that nobody is on yet."""
    from app.clickhouse import lists as stored

    made = with_clickhouse(lambda client: stored.create_list(client, account, name))
    emit({"name": name, "made": made}) if as_json else say(f"{name} is {'made' if made else 'there already'}")


@lists.command(
    "add",
    epilog=examples(
        "fanfare lists add customers ana@example.com --consent-source shop", "fanfare lists add vip --file vip.txt"
    ),
)
def add(
    name: Name,
    people: People = None,
    file: File = None,
    consent_source: Annotated[str, typer.Option("--consent-source", help="Where they agreed to be written to.")] = "",
    account: Account = "default",
    as_json: AsJson = False,
) -> None:
    """Put people on a list by address or phone number; who is no contact becomes one."""
    import time

    from app.clickhouse.lists import Consent

    consent = Consent(time.time(), consent_source) if consent_source else Consent()
    _moved(name, list(people_in(people, file)), account, as_json, consent)


@lists.command("remove", epilog=examples("fanfare lists remove customers ana@example.com"))
def remove(
    name: Name, people: People = None, file: File = None, account: Account = "default", as_json: AsJson = False
) -> None:
    """Take people off a list. They are in no audience of it any more."""
    _moved(name, list(people_in(people, file)), account, as_json, None)


def _moved(name: str, who: list[str], account: str, as_json: bool, consent: Any) -> None:
    """Put *who* on the list with *consent*, or take them off."""
    from app.cli.progress import counting

    async def work(client: "ClickHouse") -> tuple[int, list[tuple[str, str]]]:
        count, problems = 0, list[tuple[str, str]]()
        with counting("Taking off" if consent is None else "Putting on", len(who)) as done:
            for start in range(0, len(who), PAGE):
                part = who[start : start + PAGE]
                moved, wrong = await _part(client, account, name, part, consent)
                count, problems = count + moved, problems + wrong
                done(start + len(part))
        return count, problems

    count, problems = with_clickhouse(work)
    word = "removed" if consent is None else "added"
    if as_json:
        emit({word: count, "problems": [{"value": value, "reason": reason} for value, reason in problems]})
    else:
        say(f"{word} {in_words(count)}")
        if problems:
            table(f"{len(problems):,} left out", ("value", "reason"), problems[:20])
    if problems:
        raise typer.Exit(Exit.PARTLY)


async def _part(
    client: "ClickHouse", account: str, name: str, who: list[str], consent: Any
) -> tuple[int, list[tuple[str, str]]]:
    from app.clickhouse import lists as stored
    from app.clickhouse import people
    from app.clickhouse.key_check import check_key, read_key
    from app.settings import settings
    from app.web.named_people import named_people

    secret = read_key(settings().secret_path)
    await check_key(client, secret, settings().secret_path)
    if consent is None:
        named = named_people(who, secret)
        removed = await stored.remove_named(client, account, name, list(named.people))
        return removed, [(each.value, each.reason) for each in named.problems]
    given = [people.person_named(each, consent) for each in who]
    added, refused = await people.upsert_contacts(client, secret, account, given, [name])
    return len(added), [(who[each.index], each.reason) for each in refused]


async def _all_lists(client: "ClickHouse", account: str) -> "list[ListRow]":
    from app.clickhouse.lists import lists_page

    found = page = await lists_page(client, account, "", PAGE)
    while len(page) == PAGE:
        page = await lists_page(client, account, page[-1].name, PAGE)
        found += page
    return found


def _shown(row: "ListRow") -> dict[str, Any]:
    return {
        "name": row.name, "people": row.people, "created_at": iso(row.created_at),
        "last_added_at": iso(row.last_added_at or None),
    }  # fmt: skip
