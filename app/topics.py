"""Every topic: its name, partitions, key and what keeps it from growing."""

from dataclasses import dataclass, field

CAMPAIGN_COMMANDED = "campaign.commanded"
COMMAND_ACCEPTED = "command.accepted"
COMMAND_ANSWERED = "command.answered"
CAMPAIGN_CHANGED = "campaign.changed"
TEMPLATE_PUBLISHED = "template.published"
LIMIT_CHANGED = "limit.changed"
ROUTE_CHANGED = "route.changed"
PACING_STATUS = "pacing.status"
KEY_CHANGED = "key.changed"
ACCOUNT_CHANGED = "account.changed"
THING_RECORDED = "thing.recorded"
WINNER_REQUESTED = "winner.requested"
SEAL_REQUESTED = "seal.requested"
AUDIENCE_SHARDED = "audience.sharded"
LISTED_BULK = "recipient.listed.bulk"
LISTED_TRANSACTIONAL = "recipient.listed.transactional"
DEMAND_REPORTED = "demand.reported"
CREDIT_GRANTED = "credit.granted"
WORKER_BEAT = "worker.beat"
SEND_RESULTED = "send.resulted"
REPORT_RECEIVED = "report.received"
REF_LEARNED = "ref.learned"
INBOUND_RECEIVED = "inbound.received"
DELIVERY_REPORTED = "delivery.reported"
SUPPRESSION_COMMANDED = "suppression.commanded"
EVENT_RECORDED = "event.recorded"
DEAD_LETTERED = "dead.lettered"
DEAD_REPORTS = "dead.lettered.reports"

TRANSACTIONAL = "transactional"
BULK = "bulk"
LANES = (TRANSACTIONAL, BULK)

# Faust app ids are stored data: they name consumer groups and changelogs.
RECIPIENTS_APP = "fanfare-recipients"
PACING_APP = "fanfare-pacing"
INTAKE_APP = "fanfare-intake"
RECORD_GROUP = "fanfare-record"


def senders_app(channel: str) -> str:
    """The app id of the sender plane of *channel*."""
    return f"fanfare-senders-{channel}"


def send_attempted(channel: str, lane: str) -> str:
    """The topic of releases for *channel* and *lane*."""
    return f"send.attempted.{channel}.{lane}"


def changelog(app_id: str, table: str) -> str:
    """The changelog topic that Faust derives for *table*."""
    return f"{app_id}-{table}-changelog"


RECIPIENTS_TABLE = "messages"
SENDERS_TABLE = "ledger"
PACING_TABLE = "pacing"

PIPELINE = {"retention.ms": "-1", "message.timestamp.type": "LogAppendTime", "max.message.bytes": "2097152"}
COMPACTED = {"cleanup.policy": "compact", "min.compaction.lag.ms": "86400000", "max.message.bytes": "2097152"}
SHORT = {"retention.ms": "3600000", "segment.ms": "600000", "message.timestamp.type": "LogAppendTime"}

# A report tells of every class that waits in a partition, some 60 bytes each: there may be tens of thousands.
LARGE = SHORT | {"max.message.bytes": "4194304"}

# A dead letter is a record of any other topic and some words about it. It goes after a week, or once all of them have
# so many bytes: Kafka drops whole segments, never the one that is being written.
DEAD = {
    "retention.ms": "604800000", "retention.bytes": "4294967296", "segment.bytes": "134217728",
    "message.timestamp.type": "LogAppendTime", "max.message.bytes": "3145728",
}  # fmt: skip
# What strangers can post has a bound of its own: it pushes out no record of ours.
DEAD_OF_STRANGERS = DEAD | {"retention.bytes": "1073741824", "segment.bytes": "67108864"}
STRANGERS = frozenset({REPORT_RECEIVED, REF_LEARNED, INBOUND_RECEIVED, DELIVERY_REPORTED})


def dead_letters_of(topic: str) -> str:
    """Where records of *topic* go that cannot be worked on."""
    return DEAD_REPORTS if topic in STRANGERS else DEAD_LETTERED


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. *partitions* None means the P of the installation; *readers* are the groups to trim by."""

    name: str
    partitions: int | None = None
    config: dict[str, str] = field(default_factory=lambda: dict(PIPELINE))
    readers: tuple[str, ...] = ()


EMAIL = "email"
CHANNELS = (EMAIL, "sms", "whatsapp", "voice")
PHONES = CHANNELS[1:]  # their address is a phone number

TOPICS = (
    Topic(CAMPAIGN_COMMANDED, readers=(INTAKE_APP,)),
    Topic(COMMAND_ACCEPTED, readers=(PACING_APP,)),
    Topic(COMMAND_ANSWERED, 1, dict(SHORT)),
    Topic(CAMPAIGN_CHANGED, 1, dict(COMPACTED)),
    Topic(TEMPLATE_PUBLISHED, 1, dict(COMPACTED)),
    Topic(LIMIT_CHANGED, 1, dict(COMPACTED)),
    Topic(ROUTE_CHANGED, 1, dict(COMPACTED)),
    Topic(PACING_STATUS, 1, dict(LARGE)),
    Topic(KEY_CHANGED, 1, dict(COMPACTED)),
    Topic(ACCOUNT_CHANGED, 1, dict(COMPACTED)),
    Topic(THING_RECORDED, readers=(RECORD_GROUP,)),
    Topic(WINNER_REQUESTED, readers=(INTAKE_APP,)),
    Topic(SEAL_REQUESTED, readers=(INTAKE_APP,)),
    Topic(AUDIENCE_SHARDED, readers=(INTAKE_APP,)),
    Topic(LISTED_BULK, readers=(RECIPIENTS_APP,)),
    Topic(LISTED_TRANSACTIONAL, readers=(RECIPIENTS_APP,)),
    Topic(DEMAND_REPORTED, config=dict(LARGE)),
    Topic(CREDIT_GRANTED, config=dict(LARGE)),
    Topic(WORKER_BEAT, 1, dict(SHORT)),
    *(Topic(send_attempted(each, lane), readers=(senders_app(each),)) for each in CHANNELS for lane in LANES),
    Topic(SEND_RESULTED, readers=(RECIPIENTS_APP,)),
    Topic(REPORT_RECEIVED, readers=(INTAKE_APP,)),
    Topic(REF_LEARNED, readers=(RECIPIENTS_APP,)),
    Topic(INBOUND_RECEIVED, readers=(RECIPIENTS_APP,)),
    Topic(DELIVERY_REPORTED, readers=(RECIPIENTS_APP,)),
    Topic(SUPPRESSION_COMMANDED, readers=(RECIPIENTS_APP, RECORD_GROUP)),
    Topic(EVENT_RECORDED, readers=(RECORD_GROUP,)),
    Topic(DEAD_LETTERED, 1, dict(DEAD)),
    Topic(DEAD_REPORTS, 1, dict(DEAD_OF_STRANGERS)),
    Topic(changelog(RECIPIENTS_APP, RECIPIENTS_TABLE), config=dict(COMPACTED)),
    *(Topic(changelog(senders_app(each), SENDERS_TABLE), config=dict(COMPACTED)) for each in CHANNELS),
    Topic(changelog(PACING_APP, PACING_TABLE), config=dict(COMPACTED)),
)
