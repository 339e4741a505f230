"""What a sample of contacts would get: what cannot be rendered for them, and how large it comes out."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from app.content.check import place_of, sandbox_of
from app.content.email_template import EmailTemplate, base_values, compile_email
from app.content.findings import Finding, Severity
from app.content.headers import one_line
from app.content.letterhead import LinkOptions, Sender
from app.content.locales import DEFAULT, Languages, locale_of, parts_in
from app.content.rules import needed_variables, tested_variables
from app.content.sandbox import TEXT, compiled, rendered
from app.content.sms import JOINED, UCS_2, SmsSize, as_sms, size_of
from app.content.source import parse, with_newlines
from app.specs import Content, Parts

MOST_SAMPLED = 1_000
EXAMPLES = 3
CLIPPED = 102 * 1024  # bytes of html from which on Gmail shows the rest behind a link
LONG_SUBJECT = 78  # characters, RFC 5322; phones show some 40
MANY_PARTS = 10
SENDER = Sender("lint@example.com", "", "", "lint", "lint")
OF_ANYBODY = frozenset({"html-clipped", "sms-parts", "subject-long"})
OTHERS = ("sms", "voice", "preheader")

Renderer = Callable[[Mapping[str, Any]], str]


def sample_findings(content: Content, sample: Sequence[Mapping[str, Any]], links: LinkOptions) -> Iterator[Finding]:
    """Findings in what each contact of *sample* would get in his language.

    Without a sample, what needs no variables is looked at.
    """
    if not sample:
        yield from (each for each in sample_findings(content, [{}], links) if each.rule in OF_ANYBODY)
        return
    languages = Languages(content)
    tally = _Tally()
    for key in (DEFAULT, *content.locales):
        _note_source(content, key, tally)
    readers: dict[str, _Reader] = {}
    for number, variables in enumerate(sample[:MOST_SAMPLED]):
        key = languages.of(variables)
        if key not in readers:
            readers[key] = _Reader(content, key, links)
        readers[key].read(variables, _name_of(variables, number), tally)
    yield from tally.findings()


def _note_source(content: Content, key: str, tally: "_Tally") -> None:
    """A template that is too large before anything is filled in."""
    html = (content.locales[key] if key else content).html
    size = len(html.encode("utf-8", "replace"))
    if size > CLIPPED:
        tally.largest(size, Severity.WARNING, "html-clipped", place_of(key, "html"), _clipped(size), "")


class _Tally:
    """What was found, by finding: how many contacts it concerns, and the first of them."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._counts: Counter[tuple[Severity, str, str, str]] = Counter()
        self._examples: defaultdict[tuple[Severity, str, str, str], list[str]] = defaultdict(list)
        self._largest: dict[tuple[str, str], tuple[float, Severity, str, str]] = {}

    def add(self, severity: Severity, rule: str, part: str, message: str, who: str) -> None:
        """It concerns *who*, too."""
        key = severity, rule, part, message
        self._counts[key] += 1
        if len(self._examples[key]) < EXAMPLES:
            self._examples[key].append(who)

    def largest(self, size: float, severity: Severity, rule: str, part: str, message: str, who: str) -> None:
        """Keep the largest of its kind."""
        if size > self._largest.get((rule, part), (-1.0,))[0]:
            self._largest[rule, part] = size, severity, message, who

    def findings(self) -> Iterator[Finding]:
        """All of it."""
        for key, count in self._counts.most_common():
            severity, rule, part, message = key
            yield Finding(severity, rule, part, message, count=count, examples=tuple(self._examples[key]))
        for (rule, part), (_, severity, message, who) in self._largest.items():
            yield Finding(severity, rule, part, message, examples=(who,) if who else ())


class _Reader:
    """Renders one language of the content for one contact after the other."""

    def __init__(self, content: Content, key: str, links: LinkOptions) -> None:
        """Compile it."""
        self._content, self._key = content, key
        self._locale = locale_of(content, key)
        self._parts = parts_in(content, key)
        self._template: EmailTemplate | None = None
        if self._parts.html or self._parts.text:
            self._template = compile_email(content, SENDER, links, language=key)
        self._others = {place_of(key, part): self._renderer(part, source) for part, source in _others(self._parts)}
        self._direct = {
            place_of(key, part): _printed(part, source)
            for part in ("subject", "html", "text", *OTHERS)
            if (source := getattr(self._parts, part))
        }

    def read(self, variables: Mapping[str, Any], who: str, tally: _Tally) -> None:
        """Render everything for the contact *who*."""
        for place, names in self._direct.items():
            for name in names:
                if variables.get(name, "-") in (None, "") and not self._content.defaults.get(name):
                    tally.add(Severity.WARNING, "variable-empty", place, f"'{name}' is empty", who)
        if self._template is not None:
            for part, render in self._template.renderers(variables, "somebody@example.com").items():
                made = self._attempt(place_of(self._key, part), render, who, tally)
                if made is not None:
                    self._sized(part, made, who, tally)
        for place, renderer in self._others.items():
            made = self._attempt(place, lambda renderer=renderer: renderer(variables), who, tally)  # type: ignore[misc]
            if made and place.endswith("sms"):
                self._sized("sms", made, who, tally)

    def _attempt(self, place: str, render: Callable[[], str], who: str, tally: _Tally) -> str | None:
        try:
            return render()
        except Exception as why:  # as in the mail itself
            missing = str(why).endswith("is undefined")
            rule = "variable-missing" if missing else "cannot-be-rendered"
            tally.add(Severity.ERROR, rule, place, str(why)[:300] or type(why).__name__, who)
            return None

    def _sized(self, part: str, made: str, who: str, tally: _Tally) -> None:
        """Note how large *part* came out."""
        place = place_of(self._key, part)
        if part == "html" and (size := len(made.encode("utf-8", "replace"))) > CLIPPED:
            tally.largest(size, Severity.WARNING, "html-clipped", place, _clipped(size), who)
        elif part == "subject":
            subject = one_line(made)
            if not subject:
                tally.add(Severity.ERROR, "subject-empty", place, "the subject comes out empty", who)
            elif len(subject) > LONG_SUBJECT:
                message = f"{len(subject)} characters: over {LONG_SUBJECT} it is folded and cut off in most lists"
                tally.largest(len(subject), Severity.HINT, "subject-long", place, message, who)
        elif part == "sms":
            size_found = size_of(as_sms(made))
            severity = Severity.WARNING if size_found.parts > MANY_PARTS else Severity.HINT
            weight = size_found.parts * 100_000 + size_found.units
            tally.largest(weight, severity, "sms-parts", place, _sms_message(size_found), who)

    def _renderer(self, part: str, source: str) -> Renderer:
        template = compiled(TEXT, parse(sandbox_of(part), with_newlines(source)))
        built_in = {
            "address": "somebody@example.com",
            "message_id": "",
            "unsubscribe_url": "https://links.example.com/u/",
        }

        def render(variables: Mapping[str, Any]) -> str:
            return rendered(template, base_values(self._content.defaults, variables, self._locale) | built_in)

        return render


def _others(parts: Parts) -> Iterator[tuple[str, str]]:
    """(part, source) of what is no part of the mail's own composition."""
    for part in OTHERS:
        if source := getattr(parts, part):
            yield part, source
    if parts.whatsapp is not None:
        for number, parameter in enumerate(parts.whatsapp.parameters):
            yield f"whatsapp.parameters.{number}", parameter


def _printed(part: str, source: str) -> list[str]:
    """Variables of *source* that are written without a look at whether they are there."""
    tree = parse(sandbox_of(part), with_newlines(source))
    return sorted(set(needed_variables(tree)) - tested_variables(tree))


def _clipped(size: int) -> str:
    return f"{size:,} bytes as sent: Gmail clips what is over {CLIPPED:,}"


def _sms_message(size: SmsSize) -> str:
    text = f"{size.parts} {'part' if size.parts == 1 else 'parts'} of {size.encoding}, {size.units} units"
    if size.encoding == UCS_2:
        text += f", {JOINED[UCS_2]} a part, because of {size.foreign!r}"
    return text


def _name_of(variables: Mapping[str, Any], number: int) -> str:
    """How the contact is called in examples."""
    for name in ("id", "contact", "email", "address", "phone"):
        if isinstance(variables.get(name), str) and variables[name]:
            return str(variables[name])[:100]
    return f"#{number + 1}"
