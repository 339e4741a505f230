-- Events of messages and what follows from them.

-- One row an event. A replay writes the same event_id into the same month and collapses.
CREATE TABLE IF NOT EXISTS events
(
    account LowCardinality(String),
    campaign LowCardinality(String),
    time DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    message_id FixedString(16),
    recipient_id FixedString(16),
    channel LowCardinality(String),
    lane LowCardinality(String),
    kind LowCardinality(String),
    mx_group LowCardinality(String),
    route LowCardinality(String),
    attempt UInt16,
    code UInt16,
    class LowCardinality(String),
    detail String CODEC(ZSTD(1)),
    ref String CODEC(ZSTD(1)),
    source_partition UInt16,
    source_offset UInt64 CODEC(Delta, ZSTD(1)),
    event_id FixedString(16) DEFAULT sipHash128(message_id, attempt, kind, if(kind IN ('opened', 'clicked', 'deferred'), concat(toString(time), detail), ''))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (campaign, message_id, event_id)
SETTINGS non_replicated_deduplication_window = 1000;

-- The latest state of every message. Rank decides, not time: reports arrive late and out of order.
CREATE VIEW IF NOT EXISTS messages AS
SELECT
    account, campaign, message_id, recipient_id, channel, lane,
    multiIf(top = 9, 'BOUNCED', top = 8, 'DELIVERED', top = 7, 'SENT', top = 6, 'BLOCKED', top = 5, 'DROPPED',
            top = 4, 'UNKNOWN', top = 3, 'DEFERRED', 'QUEUED') AS status,
    mx_group, route, attempts, code, class, detail, ref, queued_at, changed_at, opens, clicks, unsubscribed
FROM
(
    SELECT
        argMax(account, (rank, time)) AS account,
        campaign,
        message_id,
        any(recipient_id) AS recipient_id,
        any(channel) AS channel,
        any(lane) AS lane,
        max(rank) AS top,
        maxIf(mx_group, mx_group != '') AS mx_group,
        argMax(route, (rank, attempt, time)) AS route,
        max(attempt) AS attempts,
        argMax(code, (rank, attempt, time)) AS code,
        argMax(class, (rank, attempt, time)) AS class,
        argMax(detail, (rank, attempt, time)) AS detail,
        argMax(ref, (rank, attempt, time)) AS ref,
        minIf(time, kind = 'queued') AS queued_at,
        maxIf(time, rank > 0) AS changed_at,
        uniqExactIf(event_id, kind = 'opened') AS opens,
        uniqExactIf(event_id, kind = 'clicked') AS clicks,
        max(kind = 'unsubscribed') AS unsubscribed
    FROM
    (
        SELECT *, transform(kind,
            ['bounced', 'delivered', 'sent', 'blocked', 'dropped', 'unknown', 'deferred', 'queued'],
            [9, 8, 7, 6, 5, 4, 3, 2], 0) AS rank
        FROM events
    )
    GROUP BY campaign, message_id
);
