-- What became of a file is asked for two years; who is on which list since when stays for good.
ALTER TABLE imports MODIFY TTL toDateTime(started_at) + INTERVAL 2 YEAR;
