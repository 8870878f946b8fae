-- Remove users who moved from the lists of their former cities.
--
-- $1 country   text[]
-- $2 city      text[]
-- $3 first_at  timestamptz[]  of the user, as listed
-- Arrays are parallel; elements may be equal, if several users of a city began at once.
-- The transaction has changed these cities, so others change them afterwards.
-- Returns one row for each user: (country text, city text)
DELETE FROM city_users
WHERE ctid = ANY (ARRAY(
    SELECT listed.ctid
    FROM (
        SELECT country, city, first_at, count(*) AS users
        FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS it (country, city, first_at)
        GROUP BY country, city, first_at
    ) AS gone
    CROSS JOIN LATERAL (
        SELECT ctid
        FROM city_users
        WHERE city_users.country = gone.country
            AND city_users.city = gone.city
            AND city_users.first_at = gone.first_at
        LIMIT gone.users
    ) AS listed
))
RETURNING country, city
