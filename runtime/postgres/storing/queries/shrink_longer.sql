-- Find a day's or month's least and most followers again from its hours or days.
--
-- $1 longer    text           day or month
-- $2 shorter   text           hour or day, whose rollups are right already
-- $3 bucket    timestamptz[]  the longer bucket's first instant
-- $4 name_key  uuid[]
-- $5 smallest  bigint[]       the least that a user no longer has
-- $6 largest   bigint[]       the most that a user no longer has
-- Arrays are parallel. The transaction has locked these rollups, so other
-- transactions add to them afterwards.
-- Between them lie the rollups of all countries, however many: the index skips
-- them, from one bucket to the next.
-- The driver sends the first instant of its calendar as an infinity.
-- Returns one row for each rollup that was read again: (bucket timestamptz)
UPDATE user_rollups AS known
SET (smallest, largest) = (
    SELECT min(part.smallest), max(part.largest)
    FROM user_rollups AS part
    WHERE part.granularity = $2::text::granularity
        AND part.bucket >= known.bucket
        AND part.bucket < date_add(known.bucket, ('1 ' || $1::text)::interval, 'UTC')
        AND part.figure = 'followers'
        AND part.name_key = known.name_key
)
FROM unnest($3::timestamptz[], $4::uuid[], $5::bigint[], $6::bigint[]) AS lost (
    bucket, name_key, smallest, largest
)
WHERE known.granularity = $1::text::granularity
    AND known.bucket = greatest(lost.bucket, timestamptz '0001-01-01 00:00:00+00')
    AND known.figure = 'followers'
    AND known.name_key = lost.name_key
    AND (known.smallest >= lost.smallest OR known.largest <= lost.largest)
RETURNING known.bucket
