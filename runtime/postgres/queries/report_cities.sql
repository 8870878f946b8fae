-- Find the cities with the most users in a period.
--
-- $1 start  timestamptz  null for no bound
-- $2 end    timestamptz  null for no bound
-- $3 limit  bigint
-- Returns them by number of users, then by country and city in order of code points:
-- (country text, city text, users bigint)
WITH people AS (
    SELECT country, city
    FROM users
    WHERE city IS NOT NULL
        AND first_at >= coalesce($1::timestamptz, '-infinity')
        AND first_at < coalesce($2::timestamptz, 'infinity')
    UNION ALL
    SELECT country, city
    FROM users
    WHERE city IS NOT NULL
        AND first_at < $1::timestamptz
        AND key IN (
            SELECT user_key
            FROM returns
            WHERE at >= $1::timestamptz
                AND at < coalesce($2::timestamptz, 'infinity')
        )
)
SELECT country, city, count(*) AS users
FROM people
GROUP BY country, city
ORDER BY count(*) DESC, country COLLATE "C", city COLLATE "C"
LIMIT $3::bigint
