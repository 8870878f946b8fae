-- Add users to their cities, and take away those who moved.
--
-- $1 bucket   timestamptz[]  the month of their first event; infinity for all time
-- $2 key      uuid[]
-- $3 country  text[]
-- $4 city     text[]
-- $5 users    bigint[]       may be negative
-- Arrays are parallel; no two elements are of the same city and month.
-- The driver sends the first instant of its calendar as an infinity, and the last.
-- Returns one row for each city: (users bigint), what it has come to.
INSERT INTO user_cities AS known (bucket, key, country, city, users)
SELECT
    greatest(bucket, timestamptz '0001-01-01 00:00:00+00'), key, country, city, users
FROM unnest($1::timestamptz[], $2::uuid[], $3::text[], $4::text[], $5::bigint[]) AS added (
    bucket, key, country, city, users
)
ORDER BY 1, 2
ON CONFLICT (bucket, key) DO UPDATE SET users = known.users + excluded.users
RETURNING users
