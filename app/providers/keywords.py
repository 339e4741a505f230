"""What the keyword of a message that came in asks for: to stop, to start again, or for help.

A keyword is the whole message. "Please don't stop" is none, and neither is "stop by tomorrow": a wrong stop loses a
customer, and whoever was not understood writes again. Words that regulators and providers ask senders to honour: CTIA
(Messaging Principles: STOP, END, CANCEL, UNSUBSCRIBE, QUIT), FCC (47 CFR 64.1200: stop, quit, end, revoke, opt out,
cancel, unsubscribe; a reply may say so in other words), CRTC and the Canadian short codes (ARRET, AIDE), the CNIL and
the SMS+ charter (STOP), the British ICO (STOP), TRAI (START and STOP by reply), and the lists of providers
(www.twilio.com/docs/messaging/tutorials/advanced-opt-out). What is said is compared without case, accents, full-width
forms, punctuation and emoji. A word that means something else in another language counts only where its own is spoken.
"""

import unicodedata
from functools import lru_cache

import phonenumbers

STOP, START, HELP = "unsubscribed", "resubscribed", "help"
LONGEST = 60  # characters of a message that may be a keyword

# Understood from every number.
EVERYWHERE = {
    STOP: (
        "stop", "stopall", "stop all", "unsubscribe", "unsub", "optout", "opt out", "opt-out", "revoke",
        "stop promotions", "stop promo", "stop messages", "stop sms", "stop msg", "unsubscribe from promos",
        "unsubscribe me", "stop please", "please stop",
    ),
    START: ("start", "unstop", "subscribe", "resubscribe", "optin", "opt in", "opt-in"),
    HELP: ("help", "info"),
}  # fmt: skip

# Language -> its words. Understood from the numbers of countries where it is spoken.
SPOKEN = {
    "en": {
        STOP: ("cancel", "end", "quit", "remove", "remove me", "stop texting me", "do not text"),
        START: ("yes",),
    },
    "fr": {
        STOP: ("arret", "arrets", "arreter", "arretez", "desabonner", "desabonnement", "desinscription", "desinscrire",
               "stop pub", "se desabonner", "stop sms pub"),
        START: ("debut", "commencer", "reprendre", "abonner", "s'abonner"),
        HELP: ("aide",),
    },
    "de": {
        STOP: ("stopp", "abmelden", "abbestellen", "abmeldung", "keine werbung", "ende", "stoppen", "austragen"),
        START: ("anmelden",),
        HELP: ("hilfe",),
    },
    "es": {
        STOP: ("baja", "baja sms", "alto", "parar", "cancelar", "no mas", "salir", "borrar", "darse de baja",
               "dar de baja", "detener", "terminar"),
        START: ("alta", "inicio", "iniciar", "comenzar", "suscribir"),
        HELP: ("ayuda",),
    },
    "pt": {
        STOP: ("sair", "parar", "pare", "cancelar", "descadastrar", "remover", "nao quero", "nao receber"),
        START: ("iniciar", "comecar", "voltar", "retornar"),
        HELP: ("ajuda",),
    },
    "it": {
        STOP: ("basta", "cancella", "cancellami", "disiscriviti", "disiscrivi", "ferma", "annulla", "rimuovi"),
        START: ("inizia", "iscrivi", "riprendi"),
        HELP: ("aiuto",),
    },
    "nl": {
        STOP: ("stoppen", "afmelden", "uitschrijven", "uit"),
        START: ("aan", "aanmelden", "inschrijven"),
        HELP: ("hulp",),
    },
    "da": {STOP: ("afmeld", "frameld", "stopp"), START: ("tilmeld",), HELP: ("hjaelp", "hjælp")},
    "no": {STOP: ("stopp", "avmeld", "avslutt"), START: ("pamelding",), HELP: ("hjelp",)},
    "sv": {STOP: ("stopp", "avsluta", "avregistrera", "avanmal"), START: ("starta",), HELP: ("hjalp",)},
    "fi": {STOP: ("lopeta", "peru", "seis"), START: ("aloita", "jatka"), HELP: ("apua", "ohje")},
    "pl": {STOP: ("rezygnuje", "wypisz", "koniec"), HELP: ("pomoc",)},
    "cs": {STOP: ("odhlasit", "konec"), HELP: ("pomoc",)},
    "tr": {STOP: ("ret", "iptal", "dur", "red"), START: ("onay", "basla"), HELP: ("yardim",)},
    "ru": {STOP: ("стоп", "отписаться", "отписка", "отмена"), START: ("старт", "подписаться"), HELP: ("помощь",)},
    "uk": {STOP: ("стоп", "відписатися"), START: ("старт",), HELP: ("допомога",)},
    "el": {STOP: ("στοπ", "διαγραφη"), HELP: ("βοηθεια",)},
    "he": {STOP: ("הסר", "הסרה", "הסירו"), HELP: ("עזרה",)},
    "ar": {STOP: ("توقف", "ايقاف", "إيقاف", "الغاء", "إلغاء"), START: ("ابدا", "ابدأ", "اشتراك"), HELP: ("مساعدة",)},
    "hi": {STOP: ("रोकें", "बंद", "बंद करें", "रुको"), START: ("शुरू",), HELP: ("मदद",)},
    "id": {STOP: ("berhenti", "batal"), START: ("mulai",), HELP: ("bantuan",)},
    "ms": {STOP: ("berhenti", "batal"), START: ("mula",), HELP: ("bantuan",)},
    "ja": {STOP: ("停止", "配信停止", "解除", "ストップ"), START: ("開始", "再開"), HELP: ("ヘルプ",)},
    "zh": {STOP: ("退订", "退訂", "取消", "td", "停止", "t"), START: ("订阅", "訂閱"), HELP: ("帮助", "幫助")},
    "ko": {STOP: ("수신거부", "중지", "거부"), START: ("수신동의", "시작"), HELP: ("도움말",)},
    "vi": {STOP: ("huy", "tc", "tu choi"), START: ("dk",), HELP: ("tro giup",)},
    "th": {STOP: ("หยุด", "ยกเลิก"), START: ("เริ่ม",), HELP: ("ช่วยเหลือ",)},
}  # fmt: skip

# Country of a number -> languages whose words are understood from it.
LANGUAGES = {
    "US": ("en", "es"), "CA": ("en", "fr"), "PR": ("en", "es"), "GB": ("en",), "IE": ("en",), "AU": ("en",),
    "NZ": ("en",), "ZA": ("en",), "NG": ("en",), "KE": ("en",), "GH": ("en",), "SG": ("en", "zh", "ms"),
    "IN": ("en", "hi"), "PK": ("en",), "BD": ("en",), "LK": ("en",), "PH": ("en",), "MT": ("en", "it"),
    "FR": ("fr",), "MC": ("fr",), "RE": ("fr",), "GP": ("fr",), "MQ": ("fr",), "GF": ("fr",), "BE": ("fr", "nl", "de"),
    "LU": ("fr", "de"), "CH": ("de", "fr", "it"), "SN": ("fr",), "CI": ("fr",), "CM": ("fr",), "MA": ("fr", "ar"),
    "DZ": ("fr", "ar"), "TN": ("fr", "ar"),
    "DE": ("de",), "AT": ("de",), "LI": ("de",),
    "ES": ("es",), "MX": ("es",), "AR": ("es",), "CO": ("es",), "CL": ("es",), "PE": ("es",), "VE": ("es",),
    "EC": ("es",), "GT": ("es",), "CU": ("es",), "BO": ("es",), "DO": ("es",), "HN": ("es",), "PY": ("es",),
    "SV": ("es",), "NI": ("es",), "CR": ("es",), "PA": ("es",), "UY": ("es",),
    "BR": ("pt",), "PT": ("pt",), "AO": ("pt",), "MZ": ("pt",), "CV": ("pt",),
    "IT": ("it",), "SM": ("it",), "VA": ("it",), "NL": ("nl",), "SR": ("nl",),
    "DK": ("da",), "GL": ("da",), "FO": ("da",), "NO": ("no",), "SE": ("sv",), "FI": ("fi", "sv"), "PL": ("pl",),
    "CZ": ("cs",), "SK": ("cs",), "TR": ("tr",), "RU": ("ru",), "BY": ("ru",), "KZ": ("ru",), "UA": ("uk", "ru"),
    "GR": ("el",), "CY": ("el", "tr", "en"), "IL": ("he", "ar", "en", "ru"),
    "AE": ("ar", "en"), "SA": ("ar", "en"), "EG": ("ar", "en"), "JO": ("ar", "en"), "KW": ("ar", "en"),
    "QA": ("ar", "en"), "BH": ("ar", "en"), "OM": ("ar", "en"), "LB": ("ar", "fr", "en"), "IQ": ("ar",),
    "ID": ("id",), "MY": ("ms", "en", "zh"), "BN": ("ms", "en"), "JP": ("ja",), "CN": ("zh",), "TW": ("zh",),
    "HK": ("zh", "en"), "MO": ("zh", "pt"), "KR": ("ko",), "VN": ("vi",), "TH": ("th", "en"),
}  # fmt: skip


def wish_in(text: str, number: str = "") -> str:
    """The kind of the wish (app.providers.contract.Wish) that *text*, written from *number*, is; "" for none."""
    if not text or len(text) > LONGEST:
        return ""
    said, words = plain(text), _understood(country_of(number))
    return words.get(said, "") or words.get(said.replace(" ", ""), "")  # S.T.O.P.


def languages_of(text: str, number: str) -> list[str]:
    """Languages to answer *text* from *number* in, the best first: those that have the word, then others spoken there.

    At least one.
    """
    spoken, said = LANGUAGES.get(country_of(number), ("en",)), plain(text[:LONGEST])
    having = [each for each in spoken if any(said in map(plain, words) for words in SPOKEN[each].values())]
    return list(dict.fromkeys((*having, *spoken)))


def country_of(number: str) -> str:
    """The ISO 3166 code of the country of an E.164 number; "" where it has none."""
    if not number.startswith("+") or not number[1:].isascii() or not number[1:].isdigit():
        return ""
    return _country(number[:12])


@lru_cache(maxsize=10_000)
def _country(number: str) -> str:
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return ""
    # The code +1 is that of many countries; a number too short to tell is taken as of the largest.
    code = phonenumbers.region_code_for_number(parsed)
    return (code or phonenumbers.region_code_for_country_code(parsed.country_code or 0)).replace("ZZ", "")


def plain(text: str) -> str:
    """*text* as it is compared: one form of width, no case, accents, punctuation, quotes, emoji or joined blanks."""
    unfolded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    kept = "".join(map(_compared, unfolded))
    return " ".join(unicodedata.normalize("NFC", kept).split())


def _compared(character: str) -> str:
    """A letter, digit or vowel sign as it is, an accent or invisible mark as nothing, anything else as a blank."""
    if character in "'’":
        return ""
    match unicodedata.category(character):
        case "Mn":  # vowel signs of Indic scripts and Thai are no accents
            accent = character < "\u0900" or "\ufe00" <= character <= "\ufe0f" or character == "\u20e3"
            return "" if accent else character
        case "Cf" | "Cs" | "Cn" | "Co" | "Me":
            return ""
        case category if category[0] in "LNM":
            return character
    return " "


@lru_cache(maxsize=300)
def _understood(country: str) -> dict[str, str]:
    """Words as they are compared -> the wish, from numbers of *country*. English where the country is not known."""
    words = dict[str, str]()
    for told in (EVERYWHERE, *(SPOKEN[each] for each in LANGUAGES.get(country, ("en",)))):
        for kind, phrases in told.items():
            for phrase in phrases:
                words.setdefault(plain(phrase), kind)
    return words
