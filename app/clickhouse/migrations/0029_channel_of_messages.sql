-- The channel of a message is that of its last attempt: one that went on from WhatsApp to SMS is an SMS.

DROP VIEW IF EXISTS messages;

CREATE VIEW IF NOT EXISTS messages AS
SELECT
    account, campaign, message_id, recipient_id, channel, lane, status,
    multiIf(status IN ('COMPLAINED', 'CLICKED', 'READ', 'OPENED', 'DELIVERED'), 'delivered', status = 'BOUNCED', 'bounced',
            status = 'BLOCKED', 'blocked', status = 'FAILED', 'failed', status = 'EXPIRED', 'expired', '') AS fate,
    mx_group, route, attempts, code, class, detail, ref, queued_at, changed_at, opens, clicks, human_opens, human_clicks,
    unsubscribed, if(fate IN ('bounced', 'blocked', 'failed', 'expired'), class, '') AS bounce_class, reason, action,
    complained
FROM
(
    SELECT
        *, opens - automated_opens AS human_opens, clicks - automated_clicks AS human_clicks,
        multiIf(complained, 'COMPLAINED', human_clicks > 0, 'CLICKED', was_read, 'READ', human_opens > 0, 'OPENED',
                top = 10 AND has_bounced AND (NOT has_delivered OR bounced_at >= delivered_at), 'BOUNCED',
                top = 10, 'DELIVERED', top = 9, 'BLOCKED', top = 8, 'FAILED', top = 7, 'EXPIRED', top = 6, 'SENT',
                top = 5, 'DROPPED', top = 4, 'UNKNOWN', top = 3, 'DEFERRED', 'QUEUED') AS status
    FROM
    (
        SELECT
            argMax(account, (rank, time)) AS account,
            campaign,
            message_id,
            any(recipient_id) AS recipient_id,
            argMax(channel, (attempt, time)) AS channel,
            any(lane) AS lane,
            max(rank) AS top,
            max(kind = 'bounced') AS has_bounced,
            max(kind = 'delivered') AS has_delivered,
            maxIf(time, kind = 'bounced') AS bounced_at,
            maxIf(time, kind = 'delivered') AS delivered_at,
            max(kind = 'complained') AS complained,
            max(kind = 'read') AS was_read,
            maxIf(mx_group, mx_group != '') AS mx_group,
            argMax(route, (rank, attempt, time)) AS route,
            max(attempt) AS attempts,
            argMax(code, (rank, attempt, time)) AS code,
            argMax(class, (rank, attempt, time)) AS class,
            argMax(reason, (rank, attempt, time)) AS reason,
            argMax(action, (rank, attempt, time)) AS action,
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
                ['complained', 'read', 'bounced', 'delivered', 'blocked', 'failed', 'expired', 'sent', 'dropped', 'unknown',
                 'deferred', 'queued'],
                [12, 11, 10, 10, 9, 8, 7, 6, 5, 4, 3, 2], 0) AS rank
            FROM events
        )
        GROUP BY campaign, message_id
        HAVING top > 0
    )
);
