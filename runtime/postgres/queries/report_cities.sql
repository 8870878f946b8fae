-- Find the cities with the most users in a period.
--
-- $1 start         timestamptz  null for no bound
-- $2 end           timestamptz  null for no bound
-- $3 months_start  timestamptz  of the whole months in it; null for no bound
-- $4 months_end    timestamptz  where they end; null for no bound; equal ones for no month
-- $5 limit         bigint
-- Returns them by number of users, then by country and city in order of code points:
-- (country text, city text, users bigint)
WITH homes AS (
    SELECT country, city, users
    FROM user_cities
    WHERE bucket >= coalesce($3::timestamptz, '-infinity')
        AND bucket < coalesce($4::timestamptz, 'infinity')
    UNION ALL
    SELECT country, city, 1
    FROM users
    WHERE city IS NOT NULL
        AND first_at >= coalesce($1::timestamptz, '-infinity')
        AND first_at < CASE
            WHEN $3::timestamptz = $4::timestamptz THEN coalesce($2::timestamptz, 'infinity')
            ELSE coalesce($3::timestamptz, '-infinity')
        END
    UNION ALL
    SELECT country, city, 1
    FROM users
    WHERE city IS NOT NULL
        AND first_at >= CASE
            WHEN $3::timestamptz = $4::timestamptz THEN 'infinity'
            ELSE coalesce($4::timestamptz, 'infinity')
        END
        AND first_at < coalesce($2::timestamptz, 'infinity')
    UNION ALL
    SELECT users.country, users.city, 1
    FROM (
        SELECT DISTINCT user_key
        FROM returns
        WHERE at >= $1::timestamptz
            AND at < coalesce($2::timestamptz, 'infinity')
            AND EXISTS (SELECT FROM users WHERE first_at < $1::timestamptz)
    ) AS returned
    CROSS JOIN LATERAL (
        SELECT country, city
        FROM users
        WHERE key = user_key
            AND first_at < $1::timestamptz
            AND city IS NOT NULL
        OFFSET 0  -- has each looked up, rather than all users read
    ) AS users
)
SELECT country, city, sum(users)::bigint AS users
FROM homes
GROUP BY country, city
HAVING sum(users) > 0
ORDER BY sum(users) DESC, country COLLATE "C", city COLLATE "C"
LIMIT $5::bigint
