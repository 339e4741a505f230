-- Audiences of several lists and segments: when and as which variant a row is due, and who is not in it and why. Rows
-- with a reason are people who were left out; they stand behind those of the audience.
ALTER TABLE audience
    ADD COLUMN IF NOT EXISTS due UInt32,
    ADD COLUMN IF NOT EXISTS variant UInt8,
    ADD COLUMN IF NOT EXISTS zone LowCardinality(String),
    ADD COLUMN IF NOT EXISTS reason LowCardinality(String);

-- (MX group, rows, due, test) of rows that stand side by side; in seals from before there are only the groups.
ALTER TABLE seals
    ADD COLUMN IF NOT EXISTS sections Array(Tuple(String, UInt32, UInt32, UInt8)),
    ADD COLUMN IF NOT EXISTS left_out Map(String, UInt32);
