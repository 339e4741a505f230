-- One message by its id alone, whichever campaign it belongs to.

ALTER TABLE events ADD INDEX IF NOT EXISTS by_message message_id TYPE bloom_filter(0.01) GRANULARITY 1;
