-- Count dead letters by day, reason and field.
--
-- $1 id      uuid          null matches all, as in each filter below
-- $2 reason  text
-- $3 source  text
-- $4 field   text
-- $5 state   text
-- $6 start   timestamptz   of the time of acceptance
-- $7 end     timestamptz
-- Returns the newest day first, then by reason and field:
-- (day date, reason text, field text, letters bigint, elements bigint)
SELECT
    (accepted_at AT TIME ZONE 'UTC')::date AS day, reason, field, count(*) AS letters,
    sum(elements)::bigint AS elements
FROM dead_letters
WHERE ($1::uuid IS NULL OR id = $1)
    AND ($2::text IS NULL OR reason = $2)
    AND ($3::text IS NULL OR source = $3::event_source)
    AND ($4::text IS NULL OR field = $4)
    AND ($5::text IS NULL OR state = $5)
    AND accepted_at >= coalesce($6::timestamptz, '-infinity')
    AND accepted_at < coalesce($7::timestamptz, 'infinity')
GROUP BY day, reason, field
ORDER BY day DESC, reason, field COLLATE "C"
