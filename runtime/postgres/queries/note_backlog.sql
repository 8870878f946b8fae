-- Record a consumer's backlog at the broker, replacing the last measurement.
--
-- $1 consumer        text
-- $2 source          text         null for dead letters
-- $3 measured_at     timestamptz
-- $4 messages        bigint       not acknowledged, delivered or not
-- $5 oldest_at       timestamptz  when the first of them was published; null for none
-- $6 first_sequence  bigint       the broker has no message before it
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
