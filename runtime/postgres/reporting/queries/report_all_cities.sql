-- Find the cities with the most users of all time.
--
-- $1 limit  bigint
-- Returns them by number of users, then by country and city in order of code points:
-- (country text, city text, users bigint)
WITH shared AS MATERIALIZED (
    SELECT country, city, users
    FROM user_cities
    WHERE users > 1
    ORDER BY users DESC, country COLLATE "C", city COLLATE "C"
    LIMIT $1::bigint
)
SELECT country, city, users
FROM (
    SELECT country, city, users FROM shared
    UNION ALL
    SELECT country, city, users
    FROM user_cities
    WHERE users = 1
        AND (SELECT count(*) FROM shared) < $1::bigint
) AS city
ORDER BY users DESC, country COLLATE "C", city COLLATE "C"
LIMIT $1::bigint
