-- Count the new users of a period in cities that have, or had, several, from the largest on.
--
-- $1 start          timestamptz  null for no bound
-- $2 end            timestamptz  null for no bound
-- $3 limit          bigint
-- $4 after_users    bigint       continue after this city; null for the largest one
-- $5 after_country  text
-- $6 after_city     text
-- Returns them by number of users of all time, then by country and city in order of code
-- points: (country text, city text, all_users bigint, users bigint)
SELECT city.country, city.city, city.users AS all_users, found.users
FROM (
    SELECT country, city, users
    FROM user_cities
    WHERE (-users, country, city)
        > (coalesce(-$4::bigint, -9223372036854775808), coalesce($5::text, ''), coalesce($6::text, ''))
        AND shared > 0
    ORDER BY -users, country, city
    LIMIT $3::bigint
) AS city
CROSS JOIN LATERAL (
    SELECT count(*) AS users
    FROM city_users
    WHERE city_users.country = city.country
        AND city_users.city = city.city
        AND first_at >= coalesce($1::timestamptz, '-infinity')
        AND first_at < coalesce($2::timestamptz, 'infinity')
    OFFSET 0  -- looks each up, instead of reading all
) AS found
ORDER BY -city.users, city.country, city.city
