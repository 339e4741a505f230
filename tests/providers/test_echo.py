"""Our id of a message goes to a provider and comes back."""

from hypothesis import given, settings
from hypothesis import strategies as st

from app.ids import hook_token
from app.providers import echo
from app.providers.contract import Message, Sought

IDS = st.binary(min_size=16, max_size=16)
ATTEMPTS = st.integers(1, 999)
WORDS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20)


def a_message(message_id: bytes, attempt: int, callback: str = "") -> Message:
    return Message(message_id, attempt, "acme", "c", "+15005550006", None, callback=callback)


@settings(deadline=None)
@given(IDS, ATTEMPTS, st.sampled_from(["https://f.test/hooks/twilio/t", "https://f.test/h?x=1"]))
def test_a_message_is_found_by_what_comes_back(message_id: bytes, attempt: int, callback: str) -> None:
    """A report that cannot be matched closes nothing."""
    message = a_message(message_id, attempt, callback)
    assert echo.message_in(echo.word_of(message)) == (message_id, attempt)
    address = echo.address_of(message, k="gather")
    assert address.startswith(callback)
    assert echo.message_of(address.partition("?")[2]) == (message_id, attempt)


@settings(deadline=None)
@given(IDS, ATTEMPTS, WORDS, WORDS, WORDS)
def test_what_is_sought_comes_back_with_the_answer(
    message_id: bytes, attempt: int, ref: str, to: str, text: str
) -> None:
    """A list of messages is searched for the one that was lost."""
    sought = Sought(message_id, attempt, ref, 1_786_000_000.25, to, {"text": text})
    assert echo.sought_in(echo.query_of(sought)) == sought


@settings(deadline=None)
@given(st.text(max_size=300) | st.none() | st.integers())
def test_no_other_word_is_an_id(word: object) -> None:
    """Whoever writes something else there is nobody's report."""
    assert echo.message_in(word) == (b"", 0)
    if isinstance(word, str):
        assert echo.message_of(word) == (b"", 0)
        assert not echo.sought_in(word).message_id


def test_a_hook_token_is_of_its_route_and_secret() -> None:
    """Nobody who knows one address can tell another."""
    token = hook_token(b"s" * 32, "twilio-1")
    assert len(token) == 26 and token.isalnum() and token == token.lower()
    assert token == hook_token(b"s" * 32, "twilio-1")
    assert len({token, hook_token(b"s" * 32, "twilio-2"), hook_token(b"t" * 32, "twilio-1")}) == 3
