-- Who is on which list, and what they agreed to. Rows of one person add up in any order and however often they are
-- written: the latest of each time counts. On the list is who was added after being removed.
CREATE TABLE IF NOT EXISTS members
(
    account LowCardinality(String),
    list LowCardinality(String),
    recipient_id FixedString(16),
    added_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    removed_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    consent SimpleAggregateFunction(max, Tuple(at DateTime64(3, 'UTC'), source String))
)
ENGINE = AggregatingMergeTree
ORDER BY (account, list, recipient_id);

-- This file may be applied twice: the old table is there again then, and empty.
CREATE TABLE IF NOT EXISTS list_members
(
    account LowCardinality(String),
    list LowCardinality(String),
    recipient_id FixedString(16),
    added_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(added_at)
ORDER BY (account, list, recipient_id);

INSERT INTO members (account, list, recipient_id, added_at)
SELECT account, list, recipient_id, added_at FROM list_members;

-- A list is known by its row with the name '' and columns by their type. Lists from before there were such rows get one.
ALTER TABLE list_columns ADD COLUMN IF NOT EXISTS type LowCardinality(String);

INSERT INTO list_columns (account, list, name, added_at)
SELECT account, list, '', max(added_at) FROM list_members
WHERE (account, list) NOT IN (SELECT account, list FROM list_columns WHERE name = '')
GROUP BY account, list;

DROP TABLE IF EXISTS list_members;
