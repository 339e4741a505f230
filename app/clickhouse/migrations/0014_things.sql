-- Templates and segments as their owner recorded them: every version stays, the highest one counts.

-- *head* is the body without its content: what a list of things shows.
CREATE TABLE IF NOT EXISTS things
(
    account LowCardinality(String),
    kind LowCardinality(String),
    id String,
    version UInt64,
    deleted UInt8,
    name String,
    created_at DateTime64(3, 'UTC'),
    changed_at DateTime64(3, 'UTC'),
    head String CODEC(ZSTD(3)),
    body String CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree(changed_at)
ORDER BY (account, kind, id, version)
SETTINGS index_granularity = 256;
