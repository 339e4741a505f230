-- Up to where providers were asked about messages without a report, and where such messages are found.

-- What a route sent at a step of age (app/delivery/reports/lookups.py) was asked about up to that moment, and that message of it.
CREATE TABLE IF NOT EXISTS lookups
(
    route String,
    step UInt8,
    sent_at DateTime64(3, 'UTC'),
    message String,
    asked_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(asked_at)
ORDER BY (route, step)
TTL toDateTime(asked_at) + INTERVAL 90 DAY;

-- Events of a stretch of time lie together: a campaign is sent in one go.
ALTER TABLE events ADD INDEX IF NOT EXISTS by_time time TYPE minmax GRANULARITY 1;
