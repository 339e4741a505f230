-- People, lists, sealed audiences, and a mirror of the campaigns.

CREATE TABLE IF NOT EXISTS contacts
(
    account LowCardinality(String),
    recipient_id FixedString(16),
    address String,
    mx_group LowCardinality(String),
    attributes String CODEC(ZSTD(1)),
    updated_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(updated_at)
ORDER BY (account, recipient_id);

CREATE TABLE IF NOT EXISTS list_members
(
    account LowCardinality(String),
    list LowCardinality(String),
    recipient_id FixedString(16),
    added_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(added_at)
ORDER BY (account, list, recipient_id);

-- One partition a build of a seal: it is read by row numbers, and goes as a whole.
CREATE TABLE IF NOT EXISTS audience
(
    build String,
    row UInt32,
    recipient_id FixedString(16),
    address String,
    mx_group LowCardinality(String),
    attributes String CODEC(ZSTD(1)),
    sealed_at DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = MergeTree
PARTITION BY build
ORDER BY row
TTL sealed_at + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, index_granularity = 1024;

-- The builds that are complete. Of several the first one counts: readers and retries all see that one.
CREATE TABLE IF NOT EXISTS seals
(
    seal_id String,
    build String,
    account LowCardinality(String),
    campaign String,
    count UInt32,
    digest String,
    day UInt16,
    groups Array(Tuple(String, UInt32)),
    sealed_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC')
)
ENGINE = MergeTree
ORDER BY (seal_id, sealed_at, build);

CREATE TABLE IF NOT EXISTS campaigns
(
    id String,
    account LowCardinality(String),
    name String,
    state LowCardinality(String),
    channel LowCardinality(String),
    lists Array(String),
    audience UInt32,
    counters Map(String, UInt64),
    reason String,
    created_at DateTime64(3, 'UTC'),
    started_at Nullable(DateTime64(3, 'UTC')),
    finished_at Nullable(DateTime64(3, 'UTC')),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY id;
