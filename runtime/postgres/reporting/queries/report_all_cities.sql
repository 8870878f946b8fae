-- Find the cities with the most users of all time.
--
-- $1 limit  bigint
-- Long names are left out.
-- Returns them by number of users, then by country and city in order of code points:
-- (country text, city text, users bigint)
WITH shared AS MATERIALIZED (
    SELECT country, city, users
    FROM user_cities
    WHERE shared > 0
        AND users > 0
    ORDER BY -users, country, city
    LIMIT $1::bigint
),
lone AS MATERIALIZED (
    SELECT country, city, users
    FROM user_cities
    WHERE shared = 0
        AND (SELECT count(*) FROM shared WHERE users > 1) < $1::bigint
    ORDER BY country, city
    LIMIT $1::bigint
)
SELECT country, city, users
FROM shared
UNION ALL
SELECT country, city, users
FROM lone
ORDER BY users DESC, country, city
LIMIT $1::bigint
