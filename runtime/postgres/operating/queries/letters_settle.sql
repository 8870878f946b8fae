-- Store the results of replaying dead letters.
--
-- $1 correlation_id  text       of the request that replays
-- $2 id              uuid[]
-- $3 replayed        boolean[]  false: the letter stays open
-- $4 event_key       uuid[]     of the letter's one event, else null
-- $5 events          integer[]  how many events the letter became
-- $6 field           text[]     the fault, with code and message; else empty
-- $7 code            text[]
-- $8 message         text[]
-- Arrays are parallel: element i of each describes letter i.
-- Returns one row for each letter: (letter_id uuid)
WITH outcome AS (
    SELECT *
    FROM unnest(
        $2::uuid[], $3::boolean[], $4::uuid[], $5::integer[], $6::text[], $7::text[], $8::text[]
    ) AS outcome (id, replayed, event_key, events, field, code, message)
),

living AS (
    UPDATE dead_letters
    SET state = 'replayed', event_key = outcome.event_key
    FROM outcome
    WHERE dead_letters.id = outcome.id AND outcome.replayed
)

INSERT INTO dead_letter_history (letter_id, action, events, field, code, message, correlation_id)
SELECT
    id, CASE WHEN replayed THEN 'replayed' ELSE 'failed' END, events, field, code, message, $1
FROM outcome
RETURNING letter_id
