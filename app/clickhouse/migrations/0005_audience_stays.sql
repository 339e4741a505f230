-- An audience stays as long as its campaign may need it: a campaign that was paused, or off, for months goes on where it
-- was. app/clickhouse/audience_sweep.py drops what is no longer needed, a build at a time.

-- Only a TTL that is there can be removed, and this file may be applied twice; 50 years from now nothing has expired.
ALTER TABLE audience MODIFY TTL sealed_at + INTERVAL 50 YEAR;

ALTER TABLE audience REMOVE TTL;
