-- Copy users with a return visit, as they are now in users.
--
-- $1  key        uuid[]
-- $2  source     text[]
-- $3  first_at   timestamptz[]
-- $4  age        smallint[]
-- $5  gender     text[]
-- $6  followers  bigint[]
-- $7  country    text[]
-- $8  city       text[]
-- Arrays are parallel; no two elements have the same key. The transaction has added these
-- users or locked them, so others copy them afterwards.
-- Returns one row for each user: (key uuid)
INSERT INTO returned_users AS known (
    key, source, first_at, age, gender, followers, country, city
)
SELECT key, source::event_source, first_at, age, gender, followers, country, city
FROM unnest(
    $1::uuid[], $2::text[], $3::timestamptz[], $4::smallint[], $5::text[], $6::bigint[],
    $7::text[], $8::text[]
) AS it (key, source, first_at, age, gender, followers, country, city)
ORDER BY key
ON CONFLICT (key) DO UPDATE SET
    first_at = excluded.first_at,
    age = excluded.age,
    gender = excluded.gender,
    followers = excluded.followers,
    country = excluded.country,
    city = excluded.city
RETURNING key
