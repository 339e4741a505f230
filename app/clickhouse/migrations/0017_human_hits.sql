-- Opens and clicks by people, beside all of them: a hit that was found to be of a machine has a class that says so.

-- An event that is recorded again as automated was a person's only until then: it is taken off, merged or not.
DROP VIEW IF EXISTS messages;

CREATE VIEW IF NOT EXISTS messages AS
SELECT
    account, campaign, message_id, recipient_id, channel, lane,
    multiIf(top = 9, 'BOUNCED', top = 8, 'DELIVERED', top = 7, 'SENT', top = 6, 'BLOCKED', top = 5, 'DROPPED',
            top = 4, 'UNKNOWN', top = 3, 'DEFERRED', 'QUEUED') AS status,
    mx_group, route, attempts, code, class, detail, ref, queued_at, changed_at, opens, clicks,
    opens - automated_opens AS human_opens, clicks - automated_clicks AS human_clicks, unsubscribed
FROM
(
    SELECT
        argMax(account, (rank, time)) AS account,
        campaign,
        message_id,
        any(recipient_id) AS recipient_id,
        any(channel) AS channel,
        any(lane) AS lane,
        max(rank) AS top,
        maxIf(mx_group, mx_group != '') AS mx_group,
        argMax(route, (rank, attempt, time)) AS route,
        max(attempt) AS attempts,
        argMax(code, (rank, attempt, time)) AS code,
        argMax(class, (rank, attempt, time)) AS class,
        argMax(detail, (rank, attempt, time)) AS detail,
        argMax(ref, (rank, attempt, time)) AS ref,
        minIf(time, kind = 'queued') AS queued_at,
        maxIf(time, rank > 0) AS changed_at,
        uniqExactIf(event_id, kind = 'opened') AS opens,
        uniqExactIf(event_id, kind = 'clicked') AS clicks,
        uniqExactIf(event_id, kind = 'opened' AND automated) AS automated_opens,
        uniqExactIf(event_id, kind = 'clicked' AND automated) AS automated_clicks,
        max(kind = 'unsubscribed') AS unsubscribed
    FROM
    (
        SELECT *, startsWith(class, 'automated') AS automated, transform(kind,
            ['bounced', 'delivered', 'sent', 'blocked', 'dropped', 'unknown', 'deferred', 'queued'],
            [9, 8, 7, 6, 5, 4, 3, 2], 0) AS rank
        FROM events
    )
    GROUP BY campaign, message_id
    HAVING top > 0
);
