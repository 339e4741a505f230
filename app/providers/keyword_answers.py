"""What is answered to a keyword: HELP always, STOP and START where the account has a text for them."""

from app.providers.keywords import HELP, START, STOP, languages_of
from app.records import Inbound
from app.things import Account

# Language -> the answer to HELP of an account without a text of its own. With the characters of an SMS.
DEFAULT = {
    "en": "{name}: to get no more messages from us, reply STOP.",
    "de": "{name}: Wenn Sie keine Nachrichten mehr wünschen, antworten Sie STOP.",
    "fr": "{name} : pour ne plus recevoir de messages, répondez STOP.",
    "es": "{name}: para no recibir más mensajes, responda STOP.",
    "pt": "{name}: para não receber mais mensagens, responda STOP.",
    "it": "{name}: per non ricevere altri messaggi, rispondi STOP.",
    "nl": "{name}: wilt u geen berichten meer ontvangen, antwoord STOP.",
}


def answer_to(said: Inbound, account: Account) -> str:
    """The text in the language of *said*, as far as there is one; "" for no answer. Only SMS are answered."""
    if said.channel != "sms":
        return ""
    own = {HELP: account.help_text, STOP: account.stop_text, START: account.start_text}.get(said.kind, {})
    languages = languages_of(said.text, said.address)
    if own:
        return _in_one_of(own, languages)
    if said.kind != HELP:
        return ""
    return _in_one_of(DEFAULT, languages).format(name=account.name[:60])


def _in_one_of(texts: dict[str, str], languages: list[str]) -> str:
    """The text of the first language that there is, else the English one, else the first."""
    found = {locale.replace("_", "-").partition("-")[0].lower(): text for locale, text in reversed(texts.items())}
    return next((found[each] for each in (*languages, "en") if each in found), next(iter(texts.values())))
