-- Discard open dead letters.
--
-- $1 id      uuid          null matches all, as in each filter below
-- $2 reason  text
-- $3 source  text
-- $4 field   text
-- $5 state   text         nothing is discarded unless null or open
-- $6 start   timestamptz   of the time of acceptance
-- $7 end     timestamptz
-- $8 correlation_id  text  of the request that discards
-- Returns one row for each letter that was open: (letter_id uuid)
WITH given_up AS (
    UPDATE dead_letters
    SET state = 'discarded'
    WHERE ($1::uuid IS NULL OR id = $1)
        AND ($2::text IS NULL OR reason = $2)
        AND ($3::text IS NULL OR source = $3::event_source)
        AND ($4::text IS NULL OR field = $4)
        AND ($5::text IS NULL OR state = $5)
        AND accepted_at >= coalesce($6::timestamptz, '-infinity')
        AND accepted_at < coalesce($7::timestamptz, 'infinity')
        AND state = 'open'
    RETURNING id
)

INSERT INTO dead_letter_history (letter_id, action, correlation_id)
SELECT id, 'discarded', $8::text
FROM given_up
RETURNING letter_id
