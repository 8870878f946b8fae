-- Reopen discarded dead letters.
--
-- $1 id      uuid          null matches all, as in each filter below
-- $2 reason  text
-- $3 source  text
-- $4 field   text
-- $5 state   text         nothing is reopened unless null or discarded
-- $6 start   timestamptz   of the time of acceptance
-- $7 end     timestamptz
-- $8 correlation_id  text  of the request that reopens
-- Returns one row for each letter that was discarded: (letter_id uuid)
WITH reopened AS (
    UPDATE dead_letters
    SET state = 'open'
    WHERE ($1::uuid IS NULL OR id = $1)
        AND ($2::text IS NULL OR reason = $2)
        AND ($3::text IS NULL OR source = $3::event_source)
        AND ($4::text IS NULL OR field = $4)
        AND ($5::text IS NULL OR state = $5)
        AND accepted_at >= coalesce($6::timestamptz, '-infinity')
        AND accepted_at < coalesce($7::timestamptz, 'infinity')
        AND state = 'discarded'
    RETURNING id
)

INSERT INTO dead_letter_history (letter_id, action, correlation_id)
SELECT id, 'reopened', $8::text
FROM reopened
RETURNING letter_id
