"""What an adapter is made of. docs/providers.md says how to write one.

An adapter is a module with these functions, as far as its provider has what they are for. *config* is
its part of a route (app/provider_accounts.py):

- ``request_for(config, secrets, messages, at) -> Request``: the request that sends *messages* (one, or a batch).
- ``result_of(messages, answer, at) -> list[Outcome]``: what became of each of them, in their order.
- ``verified(config, secrets, hook, at) -> str``: "" when a webhook is what the provider signed, else why not.
- ``events_in(config, received) -> list[Told | Wish | AccountNews | Unreadable]``: what a webhook (app.records'
  ReceivedReport, unpacked), or the answer to a look-up, tells. That of a look-up has the source "lookup" and the query
  `echo.query_of(sought)`.
- ``lookup_for(config, secrets, sought, at) -> Request | None``: asks what became of a message.

Where one question may be about all messages with one id of the provider, which one request has sent, these as well:

- ``together_for(config, secrets, ref, at) -> Request | None``: asks what became of them.
- ``told_apart(answer, sought) -> list[tuple[Sought, bytes]]``: for each that the answer is about, the body that the
  answer to `lookup_for` would have had.

Where the provider lists what happened by time, these as well; their answers are read without a query:

- ``listed_for(config, secrets, begin, at) -> Request``: all that happened since *begin*, its first page.
- ``next_for(config, secrets, answer) -> Request | None``: the page behind *answer*; None: that was the last one.

Where webhooks of the provider need more than "200", these as well:

- ``answer_for(config, secrets, hook, at) -> Answer | None``: what it wants to read (TwiML; on GET the challenge of a
  subscription). None: an empty 200. Asked only once *verified* has said "".
- ``certificate_url(config, hook) -> str``: where the certificate is that *hook* is checked with, "" for none. The edge
  fetches it once and hands its PEM to *verified* as secrets["certificate"], unless the config names one.
- ``confirmation_url(config, hook) -> str``: what a verified *hook* asks to have visited, once, to subscribe; or "".
  Of both URLs the adapter has checked scheme and host: the edge visits whatever it gets.
- ``hook_id(hook) -> str``: the provider's own id of the request, "" for none. ``SIGNS_ID_ALONE = True`` where its
  signature is over that alone: then one id is taken with one body.
- ``unsigned(config, secrets) -> bool``: whether `verified` lets through what anybody may have posted. The edge bounds
  how many bytes of that it keeps.

Where the provider has a harmless request that shows whether an account works (`fanfare routes test`):

- ``probe_for(config, secrets, at) -> Request``: that request; it sends no message.
- ``probe_told(config, answer) -> Probe``: what its answer tells (app/providers/probes.py).

Several ids of one message (the parts of an SMS) stand in `Outcome.ref` one behind the other, with commas.
None of them raises for what comes from outside: bytes that cannot be read are an `Unreadable` with the reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Secrets = Mapping[str, str]  # field of the config that names a place -> the secret that was found there

MOST_ANSWER = 4_000_000  # bytes of an answer that are read


@dataclass(frozen=True, slots=True)
class Message:
    """One message, rendered for its channel, on its way to a provider."""

    message_id: bytes  # 16 bytes
    attempt: int
    account: str
    campaign: str
    address: str  # email address, or phone number in E.164: +15005550006
    content: Any  # of its channel: app/content says what
    sender: str = ""  # number or sender id; "": that of the config
    transactional: bool = False
    callback: str = ""  # URL of the webhook of its route, for providers that take one with each message


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request, complete: no client may add to what was signed. Secrets and messages in it are never shown."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. Names of *headers* are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook request as it came. Names of *headers* are in small letters."""

    method: str
    url: str  # as the provider sees it: public scheme, host, path and raw query
    query: str  # raw
    headers: Mapping[str, str]
    body: bytes
    peer: str = ""  # IP address that it came from


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A part of what came that tells nothing: goes to the dead letters with *raw*."""

    reason: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for who wrote to us, or told the provider, without naming a message of ours."""

    kind: str  # "unsubscribed", "resubscribed", "help", or "" for a text that asks for nothing of these
    channel: str
    address: str  # who asks: email address, or phone number in E.164
    at: float
    text: str = ""  # what was written, at most 500 characters
    sender: str = ""  # number or address of ours that it was written to
    event: str = ""  # the provider's id of it: a repeat changes nothing
    answered: bool = False  # the provider answers it itself


@dataclass(frozen=True, slots=True)
class AccountNews:
    """What a provider tells of our account there, or of a number or template of it: for the operator."""

    text: str  # a sentence, at most 500 characters
    at: float
    level: str = "warning"  # info, warning or alert
    event: str = ""  # the provider's id of it


@dataclass(frozen=True, slots=True)
class Sought:
    """A message of which no report has come."""

    message_id: bytes
    attempt: int
    ref: str  # the provider's id, "" where the answer was lost
    sent_at: float
    address: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
