-- Forget announcements of envelopes that are settled.
--
-- Few announced envelopes are not settled: those being processed or given back while
-- later envelopes that announce them were settled, and those that the broker lost. Each
-- is looked up by its key; the table of envelopes is never scanned.
-- Returns one number: how many were forgotten.
WITH forgotten AS (
    DELETE FROM announced_envelopes
    WHERE (SELECT true FROM envelopes WHERE envelopes.id = announced_envelopes.id)
    RETURNING id
)
SELECT count(*)
FROM forgotten
