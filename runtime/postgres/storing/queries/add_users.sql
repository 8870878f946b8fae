-- Add users, except those that others have added meanwhile.
--
-- $1  key        uuid[]
-- $2  source     text[]
-- $3  first_at   timestamptz[]
-- $4  newest_at  timestamptz[]
-- $5  newest_id  uuid[]
-- $6  age        smallint[]
-- $7  gender     text[]
-- $8  followers  bigint[]
-- $9  country    text[]
-- $10 city       text[]
-- Arrays are parallel: element i of each describes user i.
-- In key order, so that two collectors never deadlock.
-- Returns one row for each user added: (key uuid)
INSERT INTO users (
    key, source, first_at, newest_at, newest_id, age, gender, followers, country, city
)
SELECT
    key, source::event_source, first_at, newest_at, newest_id, age, gender, followers,
    country, city
FROM unnest(
    $1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::uuid[], $6::smallint[],
    $7::text[], $8::bigint[], $9::text[], $10::text[]
) AS added (
    key, source, first_at, newest_at, newest_id, age, gender, followers, country, city
)
ORDER BY key
ON CONFLICT (key) DO NOTHING
RETURNING key
