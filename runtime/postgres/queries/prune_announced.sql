-- Forget what was told of envelopes that are settled.
--
-- What is told of and not settled is little: what is in hand, or was given back,
-- while others that tell of it were settled; and what the broker has lost. Each
-- is looked up by its key: envelopes are never read as a whole.
-- Returns one number: how many these were.
WITH forgotten AS (
    DELETE FROM announced_envelopes
    WHERE (SELECT true FROM envelopes WHERE envelopes.id = announced_envelopes.id)
    RETURNING id
)
SELECT count(*)
FROM forgotten
