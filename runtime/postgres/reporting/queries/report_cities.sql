-- Count the new users of a period by city, by reading all of them.
--
-- $1 start    timestamptz  null for no bound
-- $2 end      timestamptz  null for no bound
-- $3 limit    bigint
-- $4 country  text[]       cities to count in any case
-- $5 city     text[]
-- The last two are parallel; no two elements have the same city. Long names are left out.
-- Returns those with the most of them, of as many the first by country and city in order of
-- code points, and the given ones, in no order: (country text, city text, users bigint)
WITH homes AS MATERIALIZED (
    SELECT country, city, count(*) AS users
    FROM users
    WHERE length(country) <= 100
        AND length(city) <= 100
        AND first_at >= coalesce($1::timestamptz, '-infinity')
        AND first_at < coalesce($2::timestamptz, 'infinity')
    GROUP BY country, city
)
(
    SELECT country, city, users
    FROM homes
    ORDER BY users DESC, country COLLATE "C", city COLLATE "C"
    LIMIT $3::bigint
)
UNION
SELECT homes.country, homes.city, homes.users
FROM homes
JOIN unnest($4::text[], $5::text[]) AS given (country, city)
    ON given.country = homes.country
    AND given.city = homes.city
