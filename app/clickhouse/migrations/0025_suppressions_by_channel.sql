-- A suppression may hold on one channel only: who wants no SMS may still be called. '' is all of them.
ALTER TABLE suppressions
    ADD COLUMN IF NOT EXISTS channel String,
    MODIFY ORDER BY (account, recipient_id, scope, scope_id, channel);
