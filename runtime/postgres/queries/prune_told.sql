-- Forget what was told of envelopes that are settled.
--
-- Returns one number: how many these were.
WITH forgotten AS (
    DELETE FROM told
    USING envelopes
    WHERE envelopes.id = told.id
    RETURNING told.id
)
SELECT count(*)
FROM forgotten
