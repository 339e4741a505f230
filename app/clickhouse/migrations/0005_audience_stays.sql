-- An audience stays as long as its campaign may need it: a campaign that was paused, or off, for months goes on where it
-- was. app/clickhouse/audience_sweep.py drops what is no longer needed, a build at a time.

ALTER TABLE audience REMOVE TTL;
