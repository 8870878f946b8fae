-- Find the cities with the most users in a period among those with long names.
--
-- user_cities and city_users lack them. Usually there is none.
-- $1 start  timestamptz  null for no bound
-- $2 end    timestamptz  null for no bound
-- $3 limit  bigint
-- Returns them by number of users, then by country and city in order of code points:
-- (country text, city text, users bigint)
WITH homes AS (
    SELECT country, city
    FROM users
    WHERE (length(country) > 100 OR length(city) > 100)
        AND first_at >= coalesce($1::timestamptz, '-infinity')
        AND first_at < coalesce($2::timestamptz, 'infinity')
    UNION ALL
    SELECT country, city
    FROM returned_users
    WHERE (length(country) > 100 OR length(city) > 100)
        AND first_at < $1::timestamptz
        AND key IN (
            SELECT user_key
            FROM return_visits
            WHERE at >= $1::timestamptz
                AND at < coalesce($2::timestamptz, 'infinity')
                AND (
                    SELECT min(first_at)
                    FROM users
                    WHERE length(country) > 100 OR length(city) > 100
                ) < $1::timestamptz
        )
)
SELECT country, city, count(*) AS users
FROM homes
WHERE country IS NOT NULL AND city IS NOT NULL
GROUP BY country, city
ORDER BY count(*) DESC, country COLLATE "C", city COLLATE "C"
LIMIT $3::bigint
