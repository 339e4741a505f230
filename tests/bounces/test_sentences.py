"""Sentences that nobody has listed: whom they speak of, and what they say of it."""

from pathlib import Path

import pytest

from app.bounces.decide import Failure, meaning_of
from app.bounces.phrases import words_of
from app.bounces.words_sentences import SENTENCES


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("Das von Ihnen angegebene Postfach existiert leider nicht", {"userunknown"}),
        ("Der Absender dieser Nachricht ist unbekannt", {"rejected"}),
        ("Absender-Adresse unbekannt", {"rejected"}),
        ("Falls das Postfach nicht vorhanden ist, fragen Sie nach", {"doubted"}),
        ("Le compte de votre correspondant a été clôturé", {"suspend"}),
        ("L'adresse de l'expéditeur est introuvable", {"rejected"}),
        ("La cuenta del destinatario está bloqueada", {"suspended"}),
        ("El dominio no existe", {"hostunknown"}),
        ("La casella del destinatario risulta piena", {"mailboxfull"}),
        ("Ящик получателя больше не обслуживается", {"suspend"}),
        ("Адрес отправителя не существует", {"rejected"}),
        ("Сообщение удалено", set()),
        ("送信者のアドレスが存在しません", {"rejected"}),
        ("宛先のメールボックスは容量を超えています", {"mailboxfull"}),
        ("发件人的邮箱不存在", {"rejected"}),
        ("该收件人的帐号已注销, 无法投递", {"suspend"}),
        ("받는 사람의 계정을 찾을 수 없음", {"userunknown"}),
        ("Schránka odesílatele neexistuje", {"rejected"}),
        ("Zu viele unbekannte Empfänger", {"count"}),
        ("Слишком много несуществующих получателей", {"count"}),
        ("La taille de ce message est trop importante", {"mesgtoobig"}),
        ("Wiadomość przekracza dopuszczalny rozmiar", {"mesgtoobig"}),
        ("Der Server des Empfängers wurde nicht gefunden", {"dns"}),
        ("Antwort vom Server: Empfänger unbekannt", {"userunknown"}),
        ("Сервер получателя не найден", {"dns"}),
        ("收件人的服务器不存在", {"dns"}),
        ("发件域名不存在", {"rejected"}),
        ("送信元ドメインが存在しません", {"rejected"}),
        ("받는 사람이 메일을 받을 수 없습니다", set()),
        ("사용자가 없습니다", {"userunknown"}),
        ("受信者に送信する権限がありません", set()),
        ("ユーザーがいません", {"userunknown"}),
        ("Bu kullanıcıya ileti gönderme yetkiniz yok", set()),
        ("لا يوجد مساحة كافية في صندوق المستلم", set()),
        ("Die E-Mail-Adresse ist gültig, 192.0.2.1 unbekannt", {"dns"}),
        ("Ihr Konto wurde deaktiviert", {"rejected"}),
        ("Das Kontingent ist nicht gefunden worden", set()),
        ("Der Empfänger ist auf diesem Server unbekannt.", {"userunknown"}),
        ("Die Adresse existiert auf diesem Server nicht.", {"userunknown"}),
        ("Ce destinataire est sur ce serveur inconnu", {"userunknown"}),
        ("El usuario en este servidor no existe", {"userunknown"}),
        ("Il destinatario su questo server è sconosciuto", {"userunknown"}),
        ("De ontvanger is op deze server onbekend", {"userunknown"}),
        ("O destinatário neste servidor não existe", {"userunknown"}),
        ("Odbiorca jest na tym serwerze nieznany", {"userunknown"}),
        ("Получатель на этом сервере не найден", {"userunknown"}),
        ("Der Absender ist auf diesem Server unbekannt", {"rejected"}),
        ("Die Domain ist auf diesem Server unbekannt", {"hostunknown"}),
        ("Der Server ist unbekannt", {"dns"}),
    ],
)
def test_a_predicate_counts_for_the_noun_nearest_to_it(said: str, meaning: set[str]) -> None:
    """A sender that nobody knows taken for the recipient would suppress everybody at that house."""
    assert SENTENCES.said_in(words_of(said)) == meaning


def test_what_is_not_of_the_address_suppresses_nobody() -> None:
    """In each language: our sender, our server, too many unknown, a full mailbox, an if, a time."""
    lines = (Path(__file__).parent / "not_the_address.txt").read_text(encoding="utf-8").splitlines()
    for line in lines[1:]:
        assert meaning_of(Failure(line, recipient="ana@example.com")).action != "suppress", line
