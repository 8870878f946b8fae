-- Find an hour's least and most followers again, after the user who had them has changed.
--
-- $1 bucket    timestamptz[]  the hour's first instant
-- $2 name_key  uuid[]
-- $3 digits    integer[]      of the followers counted there, from which the key is derived
-- $4 smallest  bigint[]       the least that a user no longer has
-- $5 largest   bigint[]       the most that a user no longer has
-- Arrays are parallel. The transaction has locked these rollups, so other
-- transactions add to them afterwards.
-- Both are ends of a range of an index, however many users the hour has.
-- The driver sends the first instant of its calendar as an infinity.
-- Returns one row for each rollup that was read again: (bucket timestamptz)
UPDATE user_rollups AS known
SET smallest = (
        SELECT followers
        FROM users
        WHERE date_bin('1 hour', first_at, timestamptz 'epoch') = known.bucket
            AND followers >= CASE lost.digits WHEN 1 THEN 0 ELSE 10::numeric ^ (lost.digits - 1) END::bigint
            AND followers <= least(10::numeric ^ lost.digits - 1, 9223372036854775807)::bigint
        ORDER BY followers
        LIMIT 1
    ),
    largest = (
        SELECT followers
        FROM users
        WHERE date_bin('1 hour', first_at, timestamptz 'epoch') = known.bucket
            AND followers >= CASE lost.digits WHEN 1 THEN 0 ELSE 10::numeric ^ (lost.digits - 1) END::bigint
            AND followers <= least(10::numeric ^ lost.digits - 1, 9223372036854775807)::bigint
        ORDER BY followers DESC
        LIMIT 1
    )
FROM unnest($1::timestamptz[], $2::uuid[], $3::integer[], $4::bigint[], $5::bigint[]) AS lost (
    bucket, name_key, digits, smallest, largest
)
WHERE known.granularity = 'hour'
    AND known.bucket = greatest(lost.bucket, timestamptz '0001-01-01 00:00:00+00')
    AND known.figure = 'followers'
    AND known.name_key = lost.name_key
    AND (known.smallest >= lost.smallest OR known.largest <= lost.largest)
RETURNING known.bucket
