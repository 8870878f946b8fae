-- Mark open dead letters as given up.
--
-- $1 id      uuid          null, as each that follows, lets all through
-- $2 reason  text
-- $3 source  text
-- $4 field   text
-- $5 state   text         any but open gives up none
-- $6 start   timestamptz   of the time of acceptance
-- $7 end     timestamptz
-- $8 correlation_id  text  of the request that does it
-- Returns one row a letter that was open: (letter_id uuid)
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
