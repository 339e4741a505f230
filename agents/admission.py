"""What a command must be before its owner hears of it: complete, of a size that every topic takes, fit to be sent."""

import re

from app.commands import Command
from app.content.address import AddressError, wire_address
from app.delivery.campaigns.things import Refusal
from app.specs import CampaignSpec, known_zone, recent
from app.topics import EMAIL, PHONES

MOST_CONTENT_BYTES = 2_000_000  # as JSON, compiled
MOST_ACCEPTED_BYTES = 2_060_000  # of a command with its content: what its topic takes, also where it does not compress
MOST_SPEC_BYTES = 100_000  # it is stored with every change of the campaign
MOST_KEPT_BYTES = 200_000
SENDER_ID = re.compile(r"\+?\d{3,15}|[A-Za-z0-9 ]{1,11}|[A-Za-z0-9_-]{1,50}", re.ASCII)
LONGEST_ERROR = 2_000  # characters of an answer


def wrong_form(command: Command) -> Refusal | None:
    """Why *command* cannot be decided on, as far as it can be told without looking into its content."""
    refusal = _incomplete(command)
    if refusal is None and command.spec is not None:
        refusal = _wrong_spec(command.spec)
    if refusal is None and command.settings is not None:
        refusal = _wrong_zone(command.settings.time_zone, "settings.time_zone")
    if refusal is None and command.kept is not None:
        size = len(command.kept.model_dump_json().encode())
        if size > MOST_KEPT_BYTES:
            return _large("an answer to keep", size, MOST_KEPT_BYTES, "kept")
    return refusal


def subjects_of(spec: CampaignSpec) -> list[tuple[str, str]]:
    """(where it stands, subject) of the subjects that *spec* brings itself."""
    found = [("spec", spec.subject)]
    for number, variant in enumerate(spec.experiment.variants if spec.experiment else ()):
        found.append((f"spec.experiment.variants.{number}", variant.subject))
    return [each for each in found if each[1]]


def _incomplete(command: Command) -> Refusal | None:
    if command.kind == "campaign.create":
        if command.spec is None:
            return _missing(command, "spec", "a spec")
        if command.content is None and not command.spec.template_id:
            return _missing(command, "content", "a content, or a template_id in its spec")
    if command.content is not None and command.spec is not None and command.spec.template_id:
        return Refusal(422, "a campaign is sent with a template or a content of its own: leave one out", "content")
    return None


def _wrong_spec(spec: CampaignSpec) -> Refusal | None:
    size = len(spec.model_dump_json().encode())
    if size > MOST_SPEC_BYTES:
        return _large("a spec", size, MOST_SPEC_BYTES, "spec")
    return wrong_sender(spec) or wrong_sender_id(spec) or _wrong_times(spec) or _wrong_experiment(spec)


def _wrong_times(spec: CampaignSpec) -> Refusal | None:
    moments = {"expires_at": spec.expires_at, "schedule.at": spec.schedule.at if spec.schedule else None}
    for name, at in moments.items():
        try:
            if at is not None:
                recent(at)
        except ValueError as error:
            return Refusal(422, str(error), f"spec.{name}")
    return _wrong_zone(spec.time_zone, "spec.time_zone")


def _wrong_zone(name: str, field: str) -> Refusal | None:
    try:
        known_zone(name)
    except ValueError as error:
        return Refusal(422, str(error), field)
    return None


def wrong_sender(spec: CampaignSpec) -> Refusal | None:
    """Why nobody can send as *spec* wants to, or None."""
    for field, address in (("from_email", spec.from_email), ("reply_to", spec.reply_to)):
        try:
            if address or (field == "from_email" and spec.channel == EMAIL):
                wire_address(address)
        except AddressError as error:
            hint = "; write the address alone, and the name into from_name" if "<" in address else ""
            return Refusal(422, f"spec.{field}: {error}{hint}", f"spec.{field}")
    return None


def wrong_sender_id(spec: CampaignSpec) -> Refusal | None:
    """Why nothing can come from the sender_id of *spec*, or None. Whether there is a pool of its name comes later."""
    if spec.sender_id and spec.channel == EMAIL:
        return Refusal(422, "spec.sender_id: an email comes from from_email", "spec.sender_id")
    if not spec.sender_id or SENDER_ID.fullmatch(spec.sender_id):
        return None
    text = "a number with +, a short code, a sender id of up to 11 letters, digits and blanks, or the name of a pool"
    return Refusal(422, f"spec.sender_id: {text}", "spec.sender_id")


def _wrong_experiment(spec: CampaignSpec) -> Refusal | None:
    if spec.channel in PHONES and spec.experiment and any(each.subject for each in spec.experiment.variants):
        text = "only emails have subjects: give the variants a template_id each"
        return Refusal(422, text, "spec.experiment.variants")
    seen = set[tuple[str, str]]()
    for number, variant in enumerate(spec.experiment.variants if spec.experiment else ()):
        contender = (variant.subject or spec.subject, variant.template_id or spec.template_id)
        if contender in seen:
            text = f"variant {variant.name!r} is the same as another one: give it a subject or a template_id of its own"
            return Refusal(422, text, f"spec.experiment.variants.{number}")
        seen.add(contender)
    return None


def _missing(command: Command, field: str, what: str) -> Refusal:
    return Refusal(422, f"{command.kind} needs {what}", field)


def _large(what: str, size: int, most: int, field: str) -> Refusal:
    return Refusal(422, f"{what} of {size:,} bytes: the most is {most:,}", field)
