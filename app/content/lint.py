"""What is likely wrong with content that could be sent: links, images, size, languages, attributes people lack.

Errors are what readers would stumble over, warnings what costs readers or money, hints what is worth a look. No rule
guesses what spam filters think of words.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.content.check import EMAIL, check, place_of
from app.content.findings import Finding, Severity
from app.content.letterhead import LinkOptions
from app.content.lint_markup import markup_findings
from app.content.lint_sample import sample_findings
from app.content.locales import DEFAULT, parts_in
from app.content.published import published
from app.specs import Content

MOST_FINDINGS = 200
LINKS = LinkOptions("https://links.example.com", bytes(16))
TRANSLATED = (*EMAIL, "sms", "voice", "whatsapp")


def lint(
    content: Content, sample: Sequence[Mapping[str, Any]] = (), *, links: LinkOptions = LINKS, campaign: bool = True
) -> list[Finding]:
    """Findings in *content*, the worst first, at most MOST_FINDINGS.

    *sample* are the attributes of some contacts: each is rendered, at most MOST_SAMPLED of them. *campaign* False
    is for transactional messages, which need no unsubscribe link. Takes seconds at worst: call it in a thread.
    """
    ready = published(content)
    wrong = ready if isinstance(ready, list) else check(ready, None, channel=None)
    if isinstance(ready, list) or wrong:
        return [Finding(Severity.ERROR, "invalid", p.part, p.message, p.line, p.column) for p in wrong][:MOST_FINDINGS]
    found = [
        *_part_findings(ready, campaign=campaign),
        *_gaps(ready),
        *markup_findings(ready),
        *sample_findings(ready, sample, links),
    ]
    return sorted(found, key=lambda each: (list(Severity).index(each.severity), each.part, each.line))[:MOST_FINDINGS]


def _part_findings(content: Content, *, campaign: bool) -> Iterator[Finding]:
    """What a part lacks, in each language that has it."""
    for key in (DEFAULT, *content.locales):
        parts = content.locales[key] if key else content
        for part in ("html", "text") if campaign else ():
            source = getattr(parts, part)
            if source and "unsubscribe_url" not in source:
                message = "has no unsubscribe link: {{ unsubscribe_url }}"
                yield Finding(Severity.WARNING, "unsubscribe-missing", place_of(key, part), message)
        if parts.html and not parts_in(content, key).text:
            message = "there is no text part: it is derived from the html"
            yield Finding(Severity.HINT, "text-missing", place_of(key, "text"), message)
    if (content.html or content.text) and not content.subject.strip():
        yield Finding(
            Severity.WARNING, "subject-missing", "subject", "there is no subject: the campaign has to give one"
        )
    if content.html and not content.preheader.strip():
        message = "there is no preheader: lists of mails show the first words of the body"
        yield Finding(Severity.HINT, "preheader-missing", "preheader", message)


def _gaps(content: Content) -> Iterator[Finding]:
    """Parts that some language has and another borrows."""
    for key, parts in content.locales.items():
        lacking = [part for part in TRANSLATED if not getattr(parts, part) and getattr(parts_in(content, key), part)]
        lacking = [part for part in lacking if not (part == "text" and parts.html)]
        if lacking:
            severity = Severity.WARNING if {"subject", "html"} & set(lacking) else Severity.HINT
            message = f"is not translated: {', '.join(lacking)} come from another language"
            yield Finding(severity, "not-translated", f"locales.{key}", message)
        only_here = [part for part in TRANSLATED if getattr(parts, part) and not _has(content, part)]
        if only_here:
            message = f"has {', '.join(only_here)}, which the content itself lacks: other people get none"
            yield Finding(Severity.WARNING, "default-missing", f"locales.{key}", message)


def _has(content: Content, part: str) -> bool:
    """Whether the content itself has *part*; text and html stand for each other."""
    return bool(getattr(content, part)) or (part in ("html", "text") and bool(content.html or content.text))
