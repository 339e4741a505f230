"""API keys as text: what is told once, what is stored."""

import pytest
from pydantic import ValidationError

from app.control.api_keys import hash_of, make_key, split_key


def test_what_is_stored_of_a_key_does_not_give_it_away() -> None:
    """Directories, tables and logs are read by many: none of them holds a secret."""
    made = make_key("acme", ["read", "read", "messages"], now=1_790_000_000.0, rate=10)
    ident, secret = split_key(made.text) or ("", "")
    assert (made.key.id, made.key.hash) == (ident, hash_of(secret))
    assert secret not in made.key.model_dump_json()
    assert (made.key.scopes, made.key.rate) == (["read", "messages"], 10)


@pytest.mark.parametrize("text", ["", "fk_", "fk_a", "fk__b", "fk_a_", "xx_a_b", "fk_a_b_c", "fk_a_" + "b" * 300])
def test_what_is_no_key_is_seen_as_such(text: str) -> None:
    """Anything may stand in a header."""
    assert split_key(text) is None


def test_a_scope_that_does_not_exist_is_refused() -> None:
    """A misspelt scope would make a key that can do less than its owner believes."""
    with pytest.raises(ValidationError, match="scopes"):
        make_key("acme", ["everything"], now=1.0)
