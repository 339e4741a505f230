-- The mirror of the campaigns as the API lists them: every campaign of an account, newest first, for good.

-- What was mirrored so far is kept: it goes into a table of its own, then into the new one. All of it may be repeated.
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

CREATE TABLE IF NOT EXISTS campaigns_before_0013
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

INSERT INTO campaigns_before_0013
SELECT id, account, name, state, channel, lists, audience, counters, reason, created_at, started_at, finished_at, version
FROM campaigns;

DROP TABLE IF EXISTS campaigns;

-- All versions of a campaign stand side by side, and a page of an account is a range. The version is the revision of the
-- entry, 0 for what was mirrored before there were revisions: of its spec the entry tells what the mirror knew.
CREATE TABLE IF NOT EXISTS campaigns
(
    account LowCardinality(String),
    created_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    id String,
    version UInt64,
    deleted UInt8,
    state LowCardinality(String),
    project LowCardinality(String),
    name String,
    kind LowCardinality(String),
    channel LowCardinality(String),
    lists Array(String),
    audience UInt32,
    counters Map(String, UInt64),
    reason String,
    due_at Nullable(DateTime64(3, 'UTC')),
    started_at Nullable(DateTime64(3, 'UTC')),
    finished_at Nullable(DateTime64(3, 'UTC')),
    entry String CODEC(ZSTD(3)),
    INDEX by_id id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_state state TYPE set(20) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (account, created_at, id)
SETTINGS index_granularity = 2048;

INSERT INTO campaigns
    (account, created_at, id, version, state, name, kind, channel, lists, audience, counters, reason, started_at,
     finished_at, entry)
SELECT account, created_at, id, 0, state, name, 'campaign', channel, lists, audience, counters, reason, started_at,
       finished_at,
       concat('{"id":', toJSONString(id), ',"account":', toJSONString(account), ',"state":', toJSONString(state),
              ',"spec":{"name":', toJSONString(name), ',"from_email":"unknown@invalid","lists":',
              toJSONString(if(empty(lists), ['unknown'], lists)), '},"counters":', toJSONString(counters),
              ',"reason":', toJSONString(reason),
              ',"created_at":', toString(toUnixTimestamp64Milli(created_at) / 1000),
              ',"started_at":', ifNull(toString(toUnixTimestamp64Milli(started_at) / 1000), 'null'),
              ',"finished_at":', ifNull(toString(toUnixTimestamp64Milli(finished_at) / 1000), 'null'), '}')
FROM campaigns_before_0013 FINAL;

DROP TABLE IF EXISTS campaigns_before_0013;
