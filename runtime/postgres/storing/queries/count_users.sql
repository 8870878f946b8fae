-- Add users to the rollups of their attributes, and subtract those who changed.
--
-- $1 granularity  text[]         hour, day or month
-- $2 bucket       timestamptz[]  its first instant
-- $3 figure       text[]
-- $4 name_key     uuid[]
-- $5 name         text[]
-- $6 number       bigint[]       may be negative
-- $7 total        numeric[]      may be negative
-- $8 smallest     bigint[]       of those added; null for none
-- $9 largest      bigint[]       of those added; null for none
-- Arrays are parallel; no two elements have the same rollup.
-- The driver sends the first instant of its calendar as an infinity.
-- Returns one row for each rollup: (number bigint), its new total.
INSERT INTO user_rollups AS known (
    granularity, bucket, figure, name_key, name, number, total, smallest, largest
)
SELECT
    granularity::granularity, greatest(bucket, timestamptz '0001-01-01 00:00:00+00'),
    figure::user_rollup_kind, name_key, name, number, total, smallest, largest
FROM unnest(
    $1::text[], $2::timestamptz[], $3::text[], $4::uuid[], $5::text[],
    $6::bigint[], $7::numeric[], $8::bigint[], $9::bigint[]
) AS added (granularity, bucket, figure, name_key, name, number, total, smallest, largest)
ORDER BY 1, 2, 3, 4
ON CONFLICT (granularity, bucket, figure, name_key) DO UPDATE SET
    number = known.number + excluded.number,
    total = known.total + excluded.total,
    smallest = least(known.smallest, excluded.smallest),
    largest = greatest(known.largest, excluded.largest)
RETURNING number
