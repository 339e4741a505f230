-- Which key the ids in this database were made with: a fingerprint of it. Ids of another key are other people.
CREATE TABLE IF NOT EXISTS installation
(
    key_fingerprint String,
    noted_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC')
)
ENGINE = MergeTree
ORDER BY noted_at;
