-- Erase the bytes of dead letters that contain one of some texts, and discard the open ones.
--
-- $1 source          text
-- $2 texts           bytea[]
-- $3 correlation_id  text
-- Reads all dead letters of the source. The bytes of masses are compressed and not searched.
-- Returns one row for each: (id uuid)
WITH erased AS (
    UPDATE dead_letters
    SET payload = '{"erased":true}',
        state = CASE state WHEN 'open' THEN 'discarded' ELSE state END
    WHERE (source = $1::text::event_source OR source IS NULL)
        AND elements = 1
        AND EXISTS (
            SELECT FROM unnest($2::bytea[]) AS wanted (part) WHERE position(part IN payload) > 0
        )
    RETURNING id
)
INSERT INTO dead_letter_history (letter_id, action, code, message, correlation_id)
SELECT id, 'discarded', 'erased', 'A user was erased', $3::text
FROM erased
RETURNING letter_id AS id
