-- Update users with what has become known; the transaction has locked them.
--
-- $1  key        uuid[]
-- $2  source     text[]         not written: it is part of the key
-- $3  first_at   timestamptz[]
-- $4  newest_at  timestamptz[]
-- $5  newest_id  uuid[]
-- $6  age        smallint[]
-- $7  gender     text[]
-- $8  followers  bigint[]
-- $9  country    text[]
-- $10 city       text[]
-- Arrays are parallel: element i of each describes user i.
-- Returns one row for each user: (key uuid)
UPDATE users
SET
    first_at = changed.first_at,
    newest_at = changed.newest_at,
    newest_id = changed.newest_id,
    age = changed.age,
    gender = changed.gender,
    followers = changed.followers,
    country = changed.country,
    city = changed.city
FROM unnest(
    $1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::uuid[], $6::smallint[],
    $7::text[], $8::bigint[], $9::text[], $10::text[]
) AS changed (
    key, source, first_at, newest_at, newest_id, age, gender, followers, country, city
)
WHERE users.key = changed.key
RETURNING users.key
