-- Record that a day of a source is archived; existing records stay.
--
-- $1 day     timestamptz  its first instant
-- $2 source  text
-- $3 digest  text         SHA-256 of its manifest
-- The driver sends the first instant of its calendar as an infinity.
-- Returns one row: (dropped_until timestamptz)
INSERT INTO archived_days (day, source, digest, dropped_until)
SELECT day, $2::text::event_source, $3::text, day
FROM (
    SELECT greatest($1::timestamptz, timestamptz '0001-01-01 00:00:00+00') AS day
) AS given
ON CONFLICT (day, source) DO UPDATE SET digest = archived_days.digest
RETURNING dropped_until
