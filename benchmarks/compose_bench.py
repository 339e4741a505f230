"""How many emails one core composes: render in the sandbox's rules, sign the links, build MIME.

    python -m benchmarks.compose_bench [--json] [--messages 3000] [--runs 5]

The demo letter (6 KB html, ten tracked links, pixel, text part, subject with a name) goes to people with
ordinary names. *short* is the road of templates that hold only text and variables; *long* sends every part
of the same letter through Jinja's sandbox; *logic* is the letter with a loop, an if and a link that depends
on the recipient, which has to take the long road; *amounts* is the letter with an amount and a date in Portuguese.
"""

import argparse
import gc
import json
import time
from statistics import median
from typing import Any

from app.cli.demo_run import demo_content
from app.content.email_template import EmailTemplate, LinkOptions, Sender, compile_email

SENDER = Sender("letter@shop.example.com", "Fernweh & Sons", "service@shop.example.com", "default", "cmp_" + "5e" * 10)
LINKS = LinkOptions("http://127.0.0.1:8080", b"k" * 32)
NAMES = ("Anna", "Marta", "José", "Li", "Oluwaseun", "Zoë", "John", "Fatima", "Grace", "Pavel")
CITIES = ("Hamburg", "Porto", "São Paulo", "Lagos", "Kraków", "New York", "Leeds", "Graz", "Lyon", "Oslo")
LOGIC = """<p>{% if first_name|length > 4 %}A long name.{% else %}A short name.{% endif %}
{% for word in city.split() %}<b>{{ word }}</b>{% endfor %}
<a href="https://shop.example.com/near?city={{ city|urlencode }}">Near you</a></p></body>"""

AMOUNTS = """<p>{{ total|currency("EUR") }}, {{ day|date("long") }}</p></body>"""


def measure(template: EmailTemplate, messages: int, runs: int) -> dict[str, Any]:
    """Messages a second and microseconds each, over *runs* runs; bytes of one message."""
    people = [
        (
            {"first_name": NAMES[n % 10], "city": CITIES[n // 10 % 10], "total": n / 7, "day": "2026-05-03"},
            n.to_bytes(16, "big"),
            bytes(16),
            f"p{n}@example.com",
        )
        for n in range(messages)
    ]
    rates = []
    for _ in range(runs):
        gc.collect()
        start = time.process_time()
        for variables, message_id, recipient_id, address in people:
            composed = template.render(variables, message_id, recipient_id, address, 1.7e9)
        rates.append(messages / (time.process_time() - start))
    if not isinstance(composed, bytes):
        raise SystemExit(f"cannot compose: {composed.reason}")
    return {
        "per_second": round(median(rates)),
        "min": round(min(rates)),
        "max": round(max(rates)),
        "us_each": round(1e6 / median(rates), 1),
        "bytes": len(composed),
    }


def main() -> None:
    """Measure the roads and print them."""
    parser = argparse.ArgumentParser(description="Emails composed a second on one core")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--messages", type=int, default=3_000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    letter = demo_content()
    logic = letter.model_copy(update={"html": letter.html.replace("</body>", LOGIC)})
    amounts = letter.model_copy(update={"locale": "pt", "html": letter.html.replace("</body>", AMOUNTS)})
    templates = {
        "short": compile_email(letter, SENDER, LINKS),
        "long": compile_email(letter, SENDER, LINKS, short_road=False),
        "logic": compile_email(logic, SENDER, LINKS),
        "amounts": compile_email(amounts, SENDER, LINKS),
    }
    figures = {name: measure(template, options.messages, options.runs) for name, template in templates.items()}
    if options.json:
        print(json.dumps({"stage": "compose", "roads": figures, "per_second": figures["short"]["per_second"]}))
        return
    print(f"{'road':8}{'median/s':>10}{'min/s':>10}{'max/s':>10}{'us each':>10}{'bytes':>8}")
    for name, row in figures.items():
        print(
            f"{name:8}{row['per_second']:>10,}{row['min']:>10,}{row['max']:>10,}{row['us_each']:>10}{row['bytes']:>8,}"
        )


if __name__ == "__main__":
    main()
