"""The client: values arrive as they are, errors tell what to do."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.clickhouse.client import ClickHouse, ClickHouseError
from app.clickhouse.migrate import apply, migrations, statements
from app.settings import Settings

TEXTS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20)


@hypothesis_settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TEXTS, min_size=1, max_size=5))
async def test_any_text_survives_as_a_parameter(client: ClickHouse, texts: list[str]) -> None:
    """
    List names and addresses come from people: a quote must be a quote and never an end of SQL.
    """
    rows = await client.rows("SELECT {one:String}, {many:Array(String)}", {"one": texts[0], "many": texts})
    assert rows == [[texts[0], texts]]


async def test_an_error_carries_the_code_of_clickhouse(client: ClickHouse) -> None:
    """
    The recorder decides by the code whether trying again can help.
    """
    with pytest.raises(ClickHouseError) as caught:
        await client.execute("SELECT * FROM nothing_of_that_name")
    assert caught.value.code == 60
    assert not caught.value.is_away


async def test_a_server_that_is_not_there_is_told_from_one_that_refuses(settings: Settings) -> None:
    """
    Away means wait; refused means that somebody has to look.
    """
    async with ClickHouse(settings.model_copy(update={"clickhouse": "http://127.0.0.1:1"})) as nobody:
        with pytest.raises(ClickHouseError) as caught:
            await nobody.execute("SELECT 1")
    assert caught.value.is_away


async def test_migrating_again_applies_nothing(settings: Settings, client: ClickHouse) -> None:
    """
    `fanfare up` migrates at every start.
    """
    assert await apply(settings) == []
    numbers = [number for number, _, _ in migrations()]
    assert numbers == sorted(set(numbers))


async def test_a_migration_that_was_cut_short_is_applied_again(settings: Settings, client: ClickHouse) -> None:
    """
    A crash between the statements of a file and its note must not end every later start.
    """
    await client.execute("TRUNCATE TABLE migrations")
    assert await apply(settings) == [number for number, _, _ in migrations()]


def test_statements_are_split_at_the_ends_of_lines() -> None:
    """
    A semicolon inside a text is not the end of a statement.
    """
    assert statements("-- why\nSELECT ';' AS a;\n\nSELECT 2\n;\n") == ["SELECT ';' AS a", "SELECT 2"]
