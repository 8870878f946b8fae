-- Add users to their cities, subtract those who moved, and list those of cities with several.
--
-- $1 country   text[]         at most 100 characters, as is the city
-- $2 city      text[]
-- $3 users     bigint[]       may be negative
-- $4 first_at  timestamptz[]  of the one user who came, if that is all; otherwise null
-- Arrays are parallel; no two elements have the same city.
-- Cities are updated in key order, so that two collectors never deadlock.
-- Returns one row for each user listed: (country text, city text)
WITH changed AS MATERIALIZED (
    SELECT country, city, users, first_at
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[]) AS it (
        country, city, users, first_at
    )
),
counted AS (
    INSERT INTO user_cities AS known (country, city, users, lone_at, shared)
    SELECT country, city, users, first_at, CASE WHEN first_at IS NULL THEN 2 ELSE 0 END
    FROM changed
    ORDER BY country COLLATE "C", city COLLATE "C"
    ON CONFLICT (country, city) DO UPDATE SET
        users = known.users + excluded.users,
        shared = CASE known.shared WHEN 0 THEN 1 ELSE 2 END
    RETURNING country, city, lone_at, shared
)
INSERT INTO city_users (country, city, first_at)
SELECT country, city, lone_at
FROM counted
WHERE shared = 1
UNION ALL
SELECT counted.country, counted.city, changed.first_at
FROM counted
JOIN changed
    ON changed.country = counted.country
    AND changed.city = counted.city
WHERE counted.shared > 0
    AND changed.first_at IS NOT NULL
RETURNING country, city
