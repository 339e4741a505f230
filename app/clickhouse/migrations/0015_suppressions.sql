-- Whom nobody may write to, by scope, as the commands say: the latest command for a recipient and a scope counts.

-- The version is the offset in the recipient's own partition. A suppression that was removed stays as a row.
CREATE TABLE IF NOT EXISTS suppressions
(
    account LowCardinality(String),
    recipient_id FixedString(16),
    scope LowCardinality(String),
    scope_id String,
    removed UInt8,
    reason LowCardinality(String),
    source LowCardinality(String),
    since DateTime64(3, 'UTC'),
    until Nullable(DateTime64(3, 'UTC')),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (account, recipient_id, scope, scope_id)
SETTINGS index_granularity = 1024;
