-- Whose servers take the mail of a domain, as DNS was asked; when people became known; how they have reacted.

-- A look-up that failed has a row of its own, beside what is known and never in its place: it only says when to ask again.
CREATE TABLE IF NOT EXISTS mx_domains
(
    domain String,
    failed UInt8,
    mail LowCardinality(String),
    mx_group LowCardinality(String),
    hosts Array(String),
    reason String,
    looked_up_at DateTime64(3, 'UTC'),
    expires_at DateTime('UTC')
)
ENGINE = ReplacingMergeTree(looked_up_at)
ORDER BY (domain, failed)
TTL expires_at + INTERVAL 180 DAY;

ALTER TABLE audience ADD COLUMN IF NOT EXISTS tier LowCardinality(String);

-- The tiers of the sections, in their order; empty where nobody asked for them.
ALTER TABLE seals ADD COLUMN IF NOT EXISTS tiers Array(String);

-- When somebody was put on a list for the first time. Of a row that only takes somebody off it is far in the future.
ALTER TABLE members ADD COLUMN IF NOT EXISTS first_added_at SimpleAggregateFunction(min, DateTime64(3, 'UTC'))
    DEFAULT if(toUnixTimestamp64Milli(added_at) = 0, toDateTime64('2299-12-31 00:00:00', 3, 'UTC'), added_at);
