-- Add payload blocks, and how their events arrived.
--
-- $1 last_at          timestamptz[]  the latest time of a block's events
-- $2 data             bytea[]
-- $3 block            integer[]      an arrival's block: its place in $1, from 0
-- $4 number           smallint[]     in its block, from 0
-- $5 accepted_at      timestamptz[]  when the gateway accepted it
-- $6 correlation_id   text[]
-- $7 trace_parent     text[]         null if the request had none
-- $8 published_at     timestamptz[]  when the broker stored its message; null without one
-- $9 stream_sequence  bigint[]       that message's sequence in the broker's stream
-- $10 deliveries      integer[]      of that message, until now
-- $11 stored_at       timestamptz[]  null for now
-- $1 and $2 are parallel, and so are the others: element i of each describes arrival i.
-- Ids are given out in the order in which rows are inserted.
-- Returns one row for each block, in the order of $1: (id bigint)
WITH added AS (
    INSERT INTO payload_blocks (last_at, data)
    SELECT last_at, data
    FROM unnest($1::timestamptz[], $2::bytea[]) WITH ORDINALITY AS given (last_at, data, place)
    ORDER BY place
    RETURNING id
),
numbered AS (
    SELECT id, row_number() OVER (ORDER BY id) - 1 AS block
    FROM added
),
arrived AS (
    INSERT INTO arrivals (
        block, number, accepted_at, correlation_id, trace_parent, published_at, stream_sequence,
        deliveries, stored_at
    )
    SELECT
        numbered.id, number, accepted_at, correlation_id, trace_parent, published_at,
        stream_sequence, deliveries, coalesce(stored_at, now())
    FROM unnest(
        $3::integer[], $4::smallint[], $5::timestamptz[], $6::text[], $7::text[],
        $8::timestamptz[], $9::bigint[], $10::integer[], $11::timestamptz[]
    ) AS given (
        block, number, accepted_at, correlation_id, trace_parent, published_at, stream_sequence,
        deliveries, stored_at
    )
    JOIN numbered USING (block)
)
SELECT id
FROM numbered
ORDER BY block
