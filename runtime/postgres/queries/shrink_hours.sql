-- Find the least and the most followers of an hour again, where who had them has changed.
--
-- $1 bucket    timestamptz[]  the hour's first instant
-- $2 name_key  uuid[]
-- $3 digits    integer[]      of the followers counted there, what the key stands for
-- $4 smallest  bigint[]       the least that somebody no longer has
-- $5 largest   bigint[]       the most that somebody no longer has
-- Arrays are parallel. The transaction has locked these figures, so whoever
-- else adds to them does so afterwards.
-- The driver sends the first instant of its calendar as an infinity.
-- Returns one row for each figure that was read again: (bucket timestamptz)
UPDATE user_figures AS known
SET (smallest, largest) = (
    SELECT min(users.followers), max(users.followers)
    FROM users
    WHERE users.first_at >= known.bucket
        AND users.first_at < known.bucket + interval '1 hour'
        AND length(users.followers::text) = lost.digits
)
FROM unnest($1::timestamptz[], $2::uuid[], $3::integer[], $4::bigint[], $5::bigint[]) AS lost (
    bucket, name_key, digits, smallest, largest
)
WHERE known.span = 'hour'
    AND known.bucket = greatest(lost.bucket, timestamptz '0001-01-01 00:00:00+00')
    AND known.figure = 'followers'
    AND known.name_key = lost.name_key
    AND (known.smallest >= lost.smallest OR known.largest <= lost.largest)
RETURNING known.bucket
