"""What the owner holds besides campaigns: templates, keys, accounts, limits, routes, and the contents of starts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agents import resolutions, thing_news
from agents.outbox import News, Outbox
from app import topics
from app.commands import CampaignEntry
from app.content.check import check_parts
from app.content.subject import with_subject
from app.delivery.campaigns.audience import asks_for_tiers, groups_named, plan_of
from app.delivery.campaigns.things import NEEDED, Refusal, lacking
from app.delivery.people.senders import known_sender, no_sender
from app.routes import LimitSet, Route
from app.specs import CampaignSpec, Content, channels_of
from app.stream.app import StreamApp
from app.stream.pack_table import PackTable
from app.stream.ticks import every
from app.things import Account, ApiKey, AudiencePlan, Filter, Segment, TemplateHead
from tables import pacing as campaign_sections
from tables import pacing_things as sections
from tables.pacing_things import Told, Writes

KEYS_STAY = 30 * 86_400.0  # seconds after they were revoked or have expired
KEYS_A_SWEEP = 500
LARGEST_PLAN = 400_000  # bytes, as JSON: it is one item of one write


@dataclass(frozen=True, slots=True)
class Frozen:
    """A campaign that can be sealed: with its contents, and what to write in the step that says so."""

    entry: CampaignEntry
    writes: Writes


class Things:
    """What the pacing group owns besides campaigns."""

    def __init__(self, app: StreamApp, table: PackTable) -> None:
        self._app, self._table = app, table
        self._group = -1
        self.outbox = Outbox(app, table)
        self.keys: dict[str, ApiKey] = {}
        self.accounts: dict[str, Account] = {}
        self.routes: dict[str, Route] = {}
        self.limits: dict[str, LimitSet] = {}
        self._groups_of_limits: set[str] | None = None
        self._uses: dict[str, set[str]] = {}  # content -> the live campaigns that it is published for
        self.outbox.kind("content", self._content_news)
        resolutions.attach(self.outbox)
        thing_news.attach(self.outbox, table, lambda: self._group)
        every(app, 3_600.0, self._drop_old_keys)

    def take_over(self, group: int | None, live: Iterable[CampaignEntry]) -> None:
        """Begin with what was recovered; *live* are the campaigns that have not ended. None: not ours any more."""
        self.outbox.take_over(group)
        self._group = -1 if group is None else group
        self._uses.clear()
        self.keys = {} if group is None else {key.id: key for key in sections.keys(self._table, group)}
        self.accounts = {} if group is None else {each.name: each for each in sections.accounts(self._table, group)}
        self.routes = {} if group is None else campaign_sections.routes(self._table, group)
        limits = () if group is None else campaign_sections.limits(self._table, group)
        self.limits = {campaign_sections.limit_id(each): each for each in limits}
        self._groups_of_limits = None
        for entry in live:
            for content in entry.contents.values():
                self._uses.setdefault(content, set()).add(entry.id)

    def account(self, name: str) -> Account:
        """How an account wants its campaigns to be run."""
        return self.accounts.get(name) or Account(name=name)

    def limit(self, limit: LimitSet) -> None:
        """Know of a limit as it is from now on, or that it is removed."""
        ident, self._groups_of_limits = campaign_sections.limit_id(limit), None
        if limit.limits_nothing:
            self.limits.pop(ident, None)
        else:
            self.limits[ident] = limit

    def account_names(self) -> set[str]:
        """Accounts with settings or keys, and the one that is used where none is named."""
        return {"default", *self.accounts, *(key.account for key in self.keys.values())}

    def live_keys(self, account: str) -> int:
        """API keys of *account* that are not revoked."""
        return sum(key.account == account and key.revoked_at is None for key in self.keys.values())

    def template(self, ident: str, version: int | None = None) -> TemplateHead | None:
        """A version of a template, the newest one for None, whosever it is."""
        return sections.template(self._table, self._group, ident, version)

    def template_writes(self, head: TemplateHead, content: Content) -> Writes:
        """Store a version of a template."""
        return sections.template_writes(self._table, self._group, head, content)

    def forget_template(self, ident: str) -> sections.Items:
        """Tombstones for all versions of a template."""
        return sections.forget_template(self._table, self._group, ident)

    def segment(self, ident: str) -> Segment | None:
        """A segment, whosever it is."""
        return sections.segment(self._table, self._group, ident)

    # -- contents of campaigns

    def keep_content(self, campaign: str, content: Content) -> Writes:
        """Store the own content of a campaign that has not started; it stays until forget."""
        return sections.content_writes(self._table, self._group, campaign, content)

    def has_content(self, campaign: str) -> bool:
        """Whether an own content of the campaign is stored."""
        return sections.stored_content(self._table, self._group, campaign) is not None

    def own_content(self, campaign: str) -> Content | None:
        """The own content of a campaign, None when it has none."""
        return sections.content(self._table, self._group, campaign)

    def forget(self, campaign: str) -> sections.Items:
        """Tombstones for what is kept for a campaign: it leaves the table."""
        return [*sections.forget_content(self._table, self._group, campaign), sections.plan_item(campaign, None)]

    def content_of(self, entry: CampaignEntry, own: Content | None = None) -> Content | None:
        """What *entry* is sent with: its own content or its template's, with its subject. None when that is gone.

        *own* is its own content as it comes with a command, not stored yet.
        """
        spec = entry.spec
        if spec.template_id:
            found = self._template_content(entry.account, spec.template_id, spec.template_version)
        else:
            found = own or sections.content(self._table, self._group, entry.id)
        return None if found is None else with_subject(found, spec.subject)

    def missing(self, account: str, spec: CampaignSpec) -> Refusal | None:
        """What *spec* names and *account* does not have."""
        pools = self.account(account).number_pools
        if not known_sender(spec.sender_id, pools):
            return Refusal(422, no_sender(spec.sender_id, pools), "spec.sender_id")
        for field, ident, version, subject in _templates_of(spec):
            head = self._template(account, ident, version)
            if head is None:
                name = f"{ident!r} of version {version}" if version else repr(ident)
                return _unknown("template", name, account, field)
            for channel in channels_of(spec):
                lacks = lacking(head.parts, subject, channel)
                if lacks:
                    return Refusal(422, f"template {ident!r} has no {lacks}: {NEEDED[channel][0]} needs it", field)
        for field in ("segments", "exclude_segments") if not spec.retry_of else ():  # its people are known
            for number, ident in enumerate(getattr(spec, field)):
                if self._filter(account, ident) is None:
                    return _unknown("segment", repr(ident), account, f"spec.{field}.{number}")
        return None

    def freeze(self, entry: CampaignEntry, own: Content | None = None) -> Frozen | Refusal:
        """*entry* with the contents and the plan it starts with, or why it cannot.

        Write what it returns together with the entry, then tell the entry: that waits until the contents are
        published. Freezing again before the write changes nothing.
        """
        refusal = self.missing(entry.account, entry.spec)
        if refusal is not None:
            return refusal
        contents = self._contents_of(entry, own)
        if contents is None:
            return Refusal(404, f"the content of campaign {entry.id!r} is gone: create it again", "content")
        for content in contents.values():
            wrong = [each.message for channel in channels_of(entry.spec) for each in check_parts(content, channel)]
            if wrong:
                return Refusal(422, wrong[0], "content")
        writes = Writes()
        if entry.spec.kind == "campaign":
            plan = self.plan(entry)
            item = sections.plan_item(entry.id, plan)
            if len(item[1] or b"") > LARGEST_PLAN:
                error = f"its segments make a plan of more than {LARGEST_PLAN:,} bytes: use fewer or smaller ones"
                return Refusal(422, error, "spec.segments")
            writes.first.append(item)  # beside it the entry and its answer have room in one batch
        for content in contents.values():
            writes.add(self._publish(content, entry.id))
        named = {variant: content.id for variant, content in contents.items()}
        spec = entry.spec.model_copy(update={"content_id": named[""]})
        return Frozen(entry.model_copy(update={"contents": named, "spec": spec}), writes)

    def thaw(self, entry: CampaignEntry) -> Writes:
        """What to write with the entry of a campaign that has ended: contents that no other live one uses are gone."""
        writes = Writes(items=[sections.plan_item(entry.id, None)])
        for content in dict.fromkeys(entry.contents.values()):
            users = self._uses.get(content, set())
            users.discard(entry.id)
            if not users:
                self._uses.pop(content, None)
                writes.items += sections.forget_content(self._table, self._group, sections.frozen_owner(content))
                writes.items.append(sections.untold_item("content", content, Told("", 0, self._app.now())))
        return writes

    async def shown(self, entry: CampaignEntry) -> None:
        """Wait until the contents of *entry* are published."""
        for content in dict.fromkeys(entry.contents.values()):
            await self.outbox.told("content", content)

    # -- audiences of campaigns

    def plan(self, entry: CampaignEntry) -> AudiencePlan:
        """Whom *entry* goes to, with its segments as they are now."""
        return plan_of(
            entry,
            self._filters(entry.account, entry.spec.segments),
            self._filters(entry.account, entry.spec.exclude_segments),
            groups=[
                *self._limited_groups(),
                *(name for route in self.routes.values() for name in (*route.groups, *route.carriers)),
            ],
            tiers=asks_for_tiers(entry, self.routes.values()),
        )

    def _limited_groups(self) -> set[str]:
        """The groups that limits name, found once for every change of a limit: many campaigns may start at a time."""
        if self._groups_of_limits is None:
            self._groups_of_limits = groups_named(self.limits.values())
        return self._groups_of_limits

    def frozen_plan(self, campaign: str) -> bytes:
        """The plan of a campaign as it was frozen, JSON; empty when there is none."""
        return sections.plan_json(self._table, self._group, campaign) or b""

    # -- inside

    async def _drop_old_keys(self) -> None:
        """Keys that ended a while ago leave the directory."""
        over = [key for key in self.keys.values() if _is_over(key, self._app.now() - KEYS_STAY)][:KEYS_A_SWEEP]
        writes = Writes()
        for key in over:
            del self.keys[key.id]
            note = sections.untold_item("key", key.id, Told(key.account, 0, self._app.now()))
            writes.items += [sections.key_item(key.id, None), note]
        if over:
            await self.outbox.write(writes)

    def _contents_of(self, entry: CampaignEntry, own: Content | None) -> dict[str, Content] | None:
        base = self.content_of(entry, own)
        if base is None:
            return None
        contents = {"": base}
        for variant in entry.spec.experiment.variants if entry.spec.experiment else ():
            other = self._template_content(entry.account, variant.template_id, None) if variant.template_id else base
            if other is None:
                return None
            contents[variant.name] = with_subject(other, variant.subject or entry.spec.subject)
        return contents

    def _publish(self, content: Content, campaign: str) -> Writes:
        ident = content.id
        users = self._uses.setdefault(ident, set())
        writes = sections.content_writes(self._table, self._group, sections.frozen_owner(ident), content)
        if writes.items or self.outbox.is_open("content", ident):
            writes.items.append(sections.untold_item("content", ident, Told("", 0, self._app.now())))
        users.add(campaign)
        return writes

    def _content_news(self, ident: str, _: Told) -> News:
        value = sections.content_json(self._table, self._group, sections.frozen_owner(ident))
        return News(topics.TEMPLATE_PUBLISHED, 0, ident.encode(), value)

    def _template(self, account: str, ident: str, version: int | None = None) -> TemplateHead | None:
        head = self.template(ident, version)
        return head if head is not None and head.account == account else None

    def _template_content(self, account: str, ident: str, version: int | None) -> Content | None:
        head = self._template(account, ident, version)
        if head is None:
            return None
        return sections.content(self._table, self._group, sections.version_owner(ident, head.version))

    def _filter(self, account: str, ident: str) -> Filter | None:
        segment = self.segment(ident)
        return segment.filter if segment is not None and segment.account == account else None

    def _filters(self, account: str, idents: list[str]) -> list[Filter]:
        return [tree for tree in (self._filter(account, ident) for ident in idents) if tree is not None]


def _is_over(key: ApiKey, moment: float) -> bool:
    return any(at is not None and at < moment for at in (key.revoked_at, key.expires_at))


def _templates_of(spec: CampaignSpec) -> Iterator[tuple[str, str, int | None, str]]:
    """(field, template, version, subject of its own) of every template that *spec* names."""
    if spec.template_id:
        yield "spec.template_id", spec.template_id, spec.template_version, spec.subject
    for number, variant in enumerate(spec.experiment.variants if spec.experiment else ()):
        if variant.template_id:
            field = f"spec.experiment.variants.{number}.template_id"
            yield field, variant.template_id, None, variant.subject or spec.subject


def _unknown(what: str, name: str, account: str, field: str) -> Refusal:
    return Refusal(404, f"there is no {what} {name} in account {account!r}", field)
