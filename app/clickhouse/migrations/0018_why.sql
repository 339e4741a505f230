-- Why something happened to a message, and what its campaign went through meanwhile: what explain tells.

-- The same for all of a pack, so nearly nothing a row.
ALTER TABLE events ADD COLUMN IF NOT EXISTS why LowCardinality(String) CODEC(ZSTD(1)) AFTER ref;

-- Every state a campaign has been in. The mirror keeps the latest revision alone. A revision that changed no state is a
-- row, too: read the first of those that follow each other. The time is that of its record in Kafka.
CREATE TABLE IF NOT EXISTS campaign_states
(
    account LowCardinality(String),
    campaign String,
    revision UInt64,
    at DateTime64(3, 'UTC'),
    state LowCardinality(String),
    reason String
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (account, campaign, revision)
TTL toDateTime(at) + INTERVAL 120 DAY
SETTINGS ttl_only_drop_parts = 1, index_granularity = 1024;

-- What was decided on a lost outcome is an event of its own, not the same one told again.
ALTER TABLE events MODIFY COLUMN event_id FixedString(16) DEFAULT sipHash128(message_id, attempt, kind, multiIf(kind IN ('opened', 'clicked', 'deferred'), concat(toString(time), detail), kind = 'unknown' AND class IN ('decided', 'not_sent', 'resent'), class, ''));
