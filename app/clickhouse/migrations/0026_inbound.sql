-- What people have written to us. A row for each account that it is about; '' where nobody knows which: for operators.

CREATE TABLE IF NOT EXISTS inbound
(
    account LowCardinality(String),
    at DateTime64(3, 'UTC'),
    id String,
    channel LowCardinality(String),
    recipient String EPHEMERAL,
    recipient_id FixedString(16) DEFAULT unhex(recipient),
    number LowCardinality(String),
    text String CODEC(ZSTD(3)),
    wish LowCardinality(String),
    route LowCardinality(String),
    known_by LowCardinality(String)
)
ENGINE = ReplacingMergeTree
ORDER BY (account, at, recipient_id, id)
TTL toDateTime(at) + INTERVAL 90 DAY
SETTINGS index_granularity = 1024;
