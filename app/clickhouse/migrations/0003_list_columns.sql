-- Which attributes the people of a list have: what a template may use is known before anything is sent.

-- One row an attribute that was ever imported into the list. The name "" stands for the list itself: it is known.
CREATE TABLE IF NOT EXISTS list_columns
(
    account LowCardinality(String),
    list String,
    name String,
    added_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(added_at)
ORDER BY (account, list, name);
