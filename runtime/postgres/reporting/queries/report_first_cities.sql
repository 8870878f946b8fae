-- Find the first cities by name whose one user is new in a period.
--
-- $1 start  timestamptz  null for no bound
-- $2 end    timestamptz  null for no bound
-- $3 limit  bigint
-- The key's index has them in this order, with the time, and is read until so many are found.
-- Returns them by country and city in order of code points:
-- (country text, city text, users bigint)
SELECT country, city, 1::bigint AS users
FROM user_cities
WHERE shared = 0
    AND lone_at >= coalesce($1::timestamptz, '-infinity')
    AND lone_at < coalesce($2::timestamptz, 'infinity')
ORDER BY country, city
LIMIT $3::bigint
