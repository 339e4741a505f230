"""People who do not exist, for demos and benchmarks: names, cities, and mailboxes where people have theirs."""

import csv
import random
from pathlib import Path

# Roughly how consumer lists split; the rest have a domain of their own.
DOMAINS = {
    "gmail.com": 38, "outlook.com": 9, "hotmail.com": 9, "yahoo.com": 12, "icloud.com": 7, "aol.com": 3,
    "gmx.de": 4, "web.de": 3, "mail.ru": 2, "orange.fr": 2, "comcast.net": 1,
}  # fmt: skip
OWN_DOMAINS = 10

FIRST_NAMES = (
    "Ada", "Amir", "Ana", "Anna", "Arjun", "Aylin", "Björn", "Carlos", "Chen", "Chloé", "Daniel", "Elif", "Emma",
    "Fatima", "Felix", "Giulia", "Hana", "Ines", "Ivan", "Jakub", "Joana", "João", "José", "Kaito", "Lars", "Léa",
    "Liam", "Lucía", "Maja", "Malik", "Marta", "Mei", "Miguel", "Mila", "Nadia", "Noah", "Nora", "Olga", "Oskar",
    "Pablo", "Priya", "Rosa", "Sara", "Sofia", "Tariq", "Tom", "Yara", "Yuki", "Zoë", "Zuzana",
)  # fmt: skip
LAST_NAMES = (
    "Almeida", "Andersson", "Bauer", "Bianchi", "Brown", "Costa", "Dubois", "Eriksen", "Fernández", "Fischer",
    "García", "Haddad", "Horvat", "Ivanova", "Jansen", "Johnson", "Kaya", "Kim", "Kowalski", "Kumar", "Lefèvre",
    "Li", "Lopez", "Martins", "Moreau", "Müller", "Nakamura", "Nguyen", "Novák", "O'Brien", "Okafor", "Papadaki",
    "Patel", "Pereira", "Popescu", "Rossi", "Sánchez", "Sato", "Schmidt", "Silva", "Smith", "Tanaka", "Virtanen",
    "Weber", "Wilson", "Yılmaz", "Zhang",
)  # fmt: skip
CITIES = (
    "Amsterdam", "Athens", "Berlin", "Bogotá", "Cairo", "Chicago", "Cluj", "Copenhagen", "Delhi", "Dublin", "Helsinki",
    "İstanbul", "Kraków", "Lagos", "Lima", "Lisbon", "London", "Lyon", "Madrid", "Málaga", "Mexico City", "Milan",
    "Montréal", "Munich", "Nairobi", "New York", "Osaka", "Oslo", "Paris", "Porto", "Prague", "Rome", "São Paulo",
    "Seoul", "Singapore", "Sofia", "Stockholm", "Sydney", "Tallinn", "Tokyo", "Toronto", "Vienna", "Vilnius", "Zürich",
)  # fmt: skip


def write_csv(path: Path, n: int, seed: int = 1) -> None:
    """Write *n* people with different addresses: email, first_name, last_name, city. The same seed, the same file."""
    dice = random.Random(seed)
    domains = [*DOMAINS, "own"]
    weights = [*DOMAINS.values(), OWN_DOMAINS]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("email", "first_name", "last_name", "city"))
        for number in range(n):
            first, last = dice.choice(FIRST_NAMES), dice.choice(LAST_NAMES)
            domain = dice.choices(domains, weights)[0]
            if domain == "own":
                domain = f"company{dice.randrange(max(2, n // 40))}.example"
            writer.writerow((f"{_mailbox(first)}.{_mailbox(last)}.{number}@{domain}", first, last, dice.choice(CITIES)))


def _mailbox(name: str) -> str:
    """*name* in the letters of an ordinary mailbox."""
    return "".join(letter for letter in name.lower() if letter.isascii() and letter.isalnum()) or "x"
