"""Same id, same request: same answer. Same id, other request: 422."""

from hypothesis import given
from hypothesis import strategies as st

from app.commands import Answer, Command
from app.delivery.campaigns.answers import filed, fingerprint, kept_fingerprint

KEY = {"id": "abcdefgh", "account": "acme", "hash": "0" * 64, "scopes": ["read"], "created_at": 1.0}


def command(kind: str, **fields: object) -> Command:
    """A command of the account acme."""
    return Command.model_validate({"id": "x", "account": "acme", "kind": kind} | fields)


def test_a_key_that_is_asked_for_again_has_another_secret_and_is_the_same_request() -> None:
    """
    Who heard nothing asks again and draws another secret: that must find the first key, not make a second one.
    """
    drawn = {"id": "ijklmnop", "hash": "1" * 64, "created_at": 2.0}
    first = fingerprint(command("key.create", key=KEY))
    assert first == fingerprint(command("key.create", key=KEY | drawn))
    assert first != fingerprint(command("key.create", key=KEY | {"scopes": ["admin"]}))


@given(st.text(max_size=9), st.text(max_size=9))
def test_commands_that_differ_in_anything_else_are_two(one: str, other: str) -> None:
    """
    The id alone must not decide: a program that counts its ids from 1 again would get the wrong answers.
    """
    same = fingerprint(command("template.delete", thing=one)) == fingerprint(command("template.delete", thing=other))
    assert same == (one == other)


def kept(fingerprint_of_request: str, status: int = 200) -> Command:
    """An answer that an edge wants to file."""
    body = {"hash": fingerprint_of_request, "status": status, "body": {"count": 7}}
    return command("answer.keep", kept=body)


def test_the_first_answer_that_an_edge_files_stays() -> None:
    """
    Two edges work on the same request at once: both must tell the same afterwards.
    """
    asked = kept("aa")
    stored = filed(asked, None, None)
    assert stored.status == 201 and stored.thing["body"] == {"count": 7}
    body = kept_fingerprint(asked)
    assert filed(command("answer.find"), body, stored).thing == stored.thing
    late = filed(kept("aa", status=500), body, stored)
    assert (late.status, late.thing) == (200, stored.thing)
    assert (filed(kept("bb"), body, stored).status, filed(kept("bb"), body, stored).field) == (422, "id")


def test_an_id_is_either_that_of_a_command_or_of_an_answer_of_an_edge() -> None:
    """
    A campaign must not be told as the answer to a count.
    """
    other = Answer(id="x", account="acme", status=201, campaign="c_1")
    body = fingerprint(command("campaign.create"))
    for asked in (command("answer.find"), kept("aa")):
        assert filed(asked, body, other).status == 422
    assert body != kept_fingerprint(kept(body.hex()))


def test_nothing_is_found_where_nothing_was_filed() -> None:
    """
    404 tells the edge to go on with the request.
    """
    assert filed(command("answer.find"), None, None).status == 404
    assert filed(command("answer.keep"), None, None).field == "kept"
