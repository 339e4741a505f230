-- What became of uploaded files, for whoever asks any edge.
CREATE TABLE IF NOT EXISTS imports
(
    account LowCardinality(String),
    id String,
    list String,
    state LowCardinality(String),
    reason String,
    rows UInt64,
    imported UInt64,
    bad UInt64,
    duplicates UInt64,
    bytes UInt64,
    hints Map(String, UInt64),
    columns Map(String, String),
    started_at DateTime64(3, 'UTC'),
    changed_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(changed_at)
ORDER BY (account, id);

-- Rows that were not imported (kind error), and rows to look at (kind hint): kept for 90 days.
CREATE TABLE IF NOT EXISTS import_problems
(
    account LowCardinality(String),
    import_id String,
    line UInt64,
    column String,
    kind LowCardinality(String),
    reason String,
    noted_at DateTime('UTC') DEFAULT now('UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (account, import_id, line, column, kind, reason)
TTL noted_at + INTERVAL 90 DAY;
