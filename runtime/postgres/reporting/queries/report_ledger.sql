-- Sum the ledger by bucket of the time at which a gateway accepted the events.
--
-- $1 start     timestamptz  null for no bound
-- $2 end       timestamptz  null for no bound
-- $3 source    text         null for both, and for events without a source
-- $4 interval  text         minute, hour, day, week or month
-- $5 max_rows  bigint
-- $6 zone      text         where buckets begin: an IANA time zone
-- Announced envelopes that are not settled are in flight as long as the broker may have them.
-- Returns a row for each bucket that is not empty, oldest first:
-- (bucket timestamptz, accepted bigint, stored bigint, duplicates bigint,
-- dead bigint, in_flight bigint, rejected bigint, kept bigint, repeated bigint,
-- rejected_in_flight bigint)
WITH entries AS (
    SELECT minute, source, rejected, counted, stored, duplicates, dead, 0 AS in_flight
    FROM ledger
    UNION ALL
    SELECT
        announced_envelopes.minute, announced_envelopes.source, announced_envelopes.rejected, announced_envelopes.events, 0, 0, 0,
        CASE WHEN announced_envelopes.sequence < backlogs.first_sequence THEN 0 ELSE announced_envelopes.events END
    FROM announced_envelopes
    LEFT JOIN backlogs ON backlogs.source IS NOT DISTINCT FROM
        CASE WHEN announced_envelopes.rejected THEN NULL ELSE announced_envelopes.source END
    WHERE NOT EXISTS (SELECT FROM envelopes WHERE envelopes.id = announced_envelopes.id)
)
SELECT
    greatest(
        date_trunc($4::text, minute, $6::text), timestamptz '0001-01-01 00:00:00+00'
    ) AS bucket,
    coalesce(sum(counted) FILTER (WHERE NOT rejected), 0)::bigint AS accepted,
    coalesce(sum(stored) FILTER (WHERE NOT rejected), 0)::bigint AS stored,
    coalesce(sum(duplicates) FILTER (WHERE NOT rejected), 0)::bigint AS duplicates,
    coalesce(sum(dead) FILTER (WHERE NOT rejected), 0)::bigint AS dead,
    coalesce(sum(in_flight) FILTER (WHERE NOT rejected), 0)::bigint AS in_flight,
    coalesce(sum(counted) FILTER (WHERE rejected), 0)::bigint AS rejected,
    coalesce(sum(stored + dead) FILTER (WHERE rejected), 0)::bigint AS kept,
    coalesce(sum(duplicates) FILTER (WHERE rejected), 0)::bigint AS repeated,
    coalesce(sum(in_flight) FILTER (WHERE rejected), 0)::bigint AS rejected_in_flight
FROM entries
WHERE minute >= coalesce($1::timestamptz, '-infinity')
    AND minute < coalesce($2::timestamptz, 'infinity')
    AND ($3::text IS NULL OR source = $3::text::event_source)
GROUP BY 1
ORDER BY 1
LIMIT $5::bigint
