-- What pacing did by itself, and why: breakers, slowed and suspended senders. An id sorts by time.

CREATE TABLE IF NOT EXISTS notices
(
    id String,
    at DateTime64(3, 'UTC'),
    kind LowCardinality(String),
    level LowCardinality(String),
    route LowCardinality(String),
    pool LowCardinality(String),
    mx_group LowCardinality(String),
    reason String CODEC(ZSTD(3)),
    campaigns Array(String),
    accounts Array(LowCardinality(String)),
    figures Map(LowCardinality(String), Float64)
)
ENGINE = ReplacingMergeTree
ORDER BY id
TTL toDateTime(at) + INTERVAL 2 YEAR
SETTINGS index_granularity = 1024;
