-- Sum the ledger by bucket of the time of acceptance.
--
-- $1 start     timestamptz  null for no bound
-- $2 end       timestamptz  null for no bound
-- $3 source    text         null for both
-- $4 interval  text         minute, hour, day, week or month
-- $5 max_rows  bigint
-- What was told of and is not settled is in flight as long as the broker may have it.
-- Returns a row for each bucket that is not empty, oldest first:
-- (bucket timestamptz, accepted bigint, stored bigint, duplicates bigint,
-- dead bigint, in_flight bigint)
WITH entries AS (
    SELECT minute, source, accepted, stored, duplicates, dead, 0 AS in_flight
    FROM ledger
    UNION ALL
    SELECT
        told.minute, told.source, told.events, 0, 0, 0,
        CASE WHEN told.sequence < backlogs.first_sequence THEN 0 ELSE told.events END
    FROM told
    LEFT JOIN backlogs ON backlogs.source = told.source
    WHERE NOT EXISTS (SELECT FROM envelopes WHERE envelopes.id = told.id)
)
SELECT
    date_trunc($4::text, minute, 'UTC') AS bucket,
    sum(accepted)::bigint AS accepted,
    sum(stored)::bigint AS stored,
    sum(duplicates)::bigint AS duplicates,
    sum(dead)::bigint AS dead,
    sum(in_flight)::bigint AS in_flight
FROM entries
WHERE minute >= coalesce($1::timestamptz, '-infinity')
    AND minute < coalesce($2::timestamptz, 'infinity')
    AND ($3::text IS NULL OR source = $3::text::event_source)
GROUP BY 1
ORDER BY 1
LIMIT $5::bigint
