-- Forget envelopes that were settled long ago.
--
-- One that came again after that would be counted a second time: as accepted,
-- and all of it as duplicates. Nobody tells of one so old; see tell_envelopes.
-- Returns one number: how many these were.
WITH forgotten AS (
    DELETE FROM envelopes
    WHERE settled_at < now() - interval '7 days'
    RETURNING id
)
SELECT count(*)
FROM forgotten
