-- Phones of contacts: the number in E.164, its recipient id, its destination group (IN, IN/airtel), its kind of line.

-- A contact without email has the recipient id of its phone, and an empty address. An empty phone_kind beside an
-- attribute phone is one from before: it gets the rest when somebody looks (app/clickhouse/phone_backfill.py).
ALTER TABLE contacts
    ADD COLUMN IF NOT EXISTS phone String,
    ADD COLUMN IF NOT EXISTS phone_id FixedString(16),
    ADD COLUMN IF NOT EXISTS phone_group LowCardinality(String),
    ADD COLUMN IF NOT EXISTS phone_kind LowCardinality(String);

-- The contact behind a row: of phones its recipient id is another one than that of the row.
ALTER TABLE audience ADD COLUMN IF NOT EXISTS contact FixedString(16);

ALTER TABLE contacts ADD INDEX IF NOT EXISTS phone_id_index phone_id TYPE bloom_filter GRANULARITY 1;
