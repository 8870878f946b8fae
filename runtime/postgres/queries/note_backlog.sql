-- Keep what waits at the broker for a consumer, as it was seen last.
--
-- $1 consumer        text
-- $2 source          text         null for dead letters
-- $3 measured_at     timestamptz
-- $4 messages        bigint       not acknowledged, delivered or not
-- $5 oldest_at       timestamptz  when the first of them came; null for none
-- $6 first_sequence  bigint       the broker has nothing before it any more
-- Returns one row: (consumer text)
INSERT INTO backlogs (consumer, source, measured_at, messages, oldest_at, first_sequence)
VALUES ($1::text, $2::text::event_source, $3, $4, $5, $6)
ON CONFLICT (consumer) DO UPDATE SET
    source = excluded.source,
    measured_at = excluded.measured_at,
    messages = excluded.messages,
    oldest_at = excluded.oldest_at,
    first_sequence = excluded.first_sequence,
    noted_at = clock_timestamp()
RETURNING consumer
