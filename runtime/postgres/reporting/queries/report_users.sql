-- Describe the users who have an event in a period, each by the user's newest event.
--
-- $1 bounds          timestamptz[]  starts and ends of the period's segments, in turn: whole
--   months,
--                                   days before and after them, hours before and after those,
--                                   the ragged ends; null for no bound; equal for an empty segment
-- $2 start           timestamptz  null for no bound
-- $3 end             timestamptz  null for no bound
-- $4 source          text         null for both
-- $5 age_edges       integer[]    where a new range starts, ascending
-- $6 follower_edges  bigint[]     where a new range starts, ascending; powers of ten
-- $7 limit           bigint       maximum number of genders and of countries
-- A user is counted in the bucket of the first event. So a user with an event in the
-- period either has the first event in it or a return visit.
-- Returns rows of several figures, by number of users, then by names in order of code points:
-- (figure text, range integer, name text, city text, number bigint, total numeric,
--  smallest bigint, largest bigint)
-- age and followers have range, total, smallest and largest; gender and
-- country have name. unknown_age, unknown_gender, unknown_place and unknown_followers count
-- the users of whom that is not known. The others count the users with a return visit alone, and have a
-- country as name, and city: shared_city is each of their cities that has, or had, several
-- users; own_city the first of their other cities by name, which have one user each.
WITH returned AS MATERIALIZED (
    SELECT source, age, gender, followers, country, city
    FROM returned_users
    WHERE first_at < $2::timestamptz
        AND key IN (
            SELECT user_key
            FROM return_visits
            WHERE at >= $2::timestamptz
                AND at < coalesce($3::timestamptz, 'infinity')
                AND (SELECT min(first_at) FROM users) < $2::timestamptz
        )
),
-- Counted once by all attributes: in a ragged end there may be a million users.
people AS MATERIALIZED (
    SELECT
        source, age, gender, country, length(followers::text) AS digits,
        count(*) AS number, sum(followers) AS total,
        min(followers) AS smallest, max(followers) AS largest
    FROM (
        SELECT source, age, gender, followers, country
        FROM users
        WHERE first_at >= ($1::timestamptz[])[11]
            AND first_at < ($1::timestamptz[])[12]
        UNION ALL
        SELECT source, age, gender, followers, country
        FROM users
        WHERE first_at >= ($1::timestamptz[])[13]
            AND first_at < ($1::timestamptz[])[14]
        UNION ALL
        SELECT source, age, gender, followers, country
        FROM returned
    ) AS each
    GROUP BY 1, 2, 3, 4, 5
),
counted AS (
    SELECT figure, name, number, total, smallest, largest
    FROM user_rollups
    WHERE granularity = 'month'
        AND bucket >= coalesce(($1::timestamptz[])[1], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[2], 'infinity')
        AND figure < 'watch_country'
    UNION ALL
    SELECT figure, name, number, total, smallest, largest
    FROM user_rollups
    WHERE granularity = 'day'
        AND bucket >= coalesce(($1::timestamptz[])[3], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[4], 'infinity')
        AND figure < 'watch_country'
    UNION ALL
    SELECT figure, name, number, total, smallest, largest
    FROM user_rollups
    WHERE granularity = 'day'
        AND bucket >= coalesce(($1::timestamptz[])[5], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[6], 'infinity')
        AND figure < 'watch_country'
    UNION ALL
    SELECT figure, name, number, total, smallest, largest
    FROM user_rollups
    WHERE granularity = 'hour'
        AND bucket >= coalesce(($1::timestamptz[])[7], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[8], 'infinity')
        AND figure < 'watch_country'
    UNION ALL
    SELECT figure, name, number, total, smallest, largest
    FROM user_rollups
    WHERE granularity = 'hour'
        AND bucket >= coalesce(($1::timestamptz[])[9], '-infinity')
        AND bucket < coalesce(($1::timestamptz[])[10], 'infinity')
        AND figure < 'watch_country'
    UNION ALL
    SELECT
        'followers', digits::text, sum(number), sum(total), min(smallest), max(largest)
    FROM people
    WHERE digits IS NOT NULL
    GROUP BY 2
    UNION ALL
    SELECT 'age', age::text, sum(number), 0, NULL, NULL
    FROM people
    WHERE age IS NOT NULL
    GROUP BY 2
    UNION ALL
    SELECT 'gender', gender, sum(number), 0, NULL, NULL
    FROM people
    WHERE gender IS NOT NULL
    GROUP BY 2
    UNION ALL
    SELECT 'country', country, sum(number), 0, NULL, NULL
    FROM people
    WHERE country IS NOT NULL
    GROUP BY 2
    UNION ALL
    SELECT unknown.figure, '', sum(number), 0, NULL, NULL
    FROM people
    CROSS JOIN LATERAL (
        VALUES
            ('unknown_age'::user_rollup_kind, source = 'facebook' AND age IS NULL),
            ('unknown_gender', source = 'facebook' AND gender IS NULL),
            ('unknown_place', source = 'facebook' AND country IS NULL),
            ('unknown_followers', source = 'tiktok' AND digits IS NULL)
    ) AS unknown (figure, is_so)
    WHERE is_so
    GROUP BY 1
),
summed AS MATERIALIZED (
    SELECT
        figure, name, sum(number)::bigint AS number,
        sum(total) AS total, min(smallest) AS smallest, max(largest) AS largest
    FROM counted
    WHERE $4::text IS NULL
        OR ($4::text = 'tiktok') = (figure IN ('followers', 'unknown_followers'))
    GROUP BY figure, name
    HAVING sum(number) > 0
),
homes AS MATERIALIZED (
    SELECT country, city, count(*) AS number
    FROM returned
    WHERE $4::text IS DISTINCT FROM 'tiktok'
        AND length(country) <= 100
        AND length(city) <= 100
    GROUP BY country, city
),
shared AS MATERIALIZED (
    SELECT country, city, number
    FROM homes
    WHERE EXISTS (
        SELECT
        FROM user_cities
        WHERE user_cities.country = homes.country
            AND user_cities.city = homes.city
            AND user_cities.shared > 0
    )
),
figures AS (
    SELECT
        'age' AS figure, width_bucket(name::integer, $5::integer[]) AS range,
        NULL AS name, NULL AS city,
        sum(number)::bigint AS number, sum(number * name::integer) AS total,
        min(name::bigint) AS smallest, max(name::bigint) AS largest
    FROM summed
    WHERE figure = 'age'
    GROUP BY 2
    UNION ALL
    SELECT
        'followers', width_bucket(smallest, $6::bigint[]), NULL, NULL,
        sum(number)::bigint, sum(total), min(smallest), max(largest)
    FROM summed
    WHERE figure = 'followers'
    GROUP BY 2
    UNION ALL
    SELECT figure::text, NULL, NULL, NULL, number, NULL, NULL, NULL
    FROM summed
    WHERE figure IN ('unknown_age', 'unknown_gender', 'unknown_place', 'unknown_followers')
    UNION ALL
    (
        SELECT 'gender', NULL, name, NULL, number, NULL, NULL, NULL
        FROM summed
        WHERE figure = 'gender'
        ORDER BY number DESC, name COLLATE "C"
        LIMIT $7::bigint
    )
    UNION ALL
    (
        SELECT 'country', NULL, name, NULL, number, NULL, NULL, NULL
        FROM summed
        WHERE figure = 'country'
        ORDER BY number DESC, name COLLATE "C"
        LIMIT $7::bigint
    )
    UNION ALL
    SELECT 'shared_city', NULL, country, city, number, NULL, NULL, NULL
    FROM shared
    UNION ALL
    (
        SELECT 'own_city', NULL, country, city, number, NULL, NULL, NULL
        FROM homes
        WHERE NOT EXISTS (
            SELECT
            FROM shared
            WHERE shared.country = homes.country
                AND shared.city = homes.city
        )
        ORDER BY country COLLATE "C", city COLLATE "C"
        LIMIT $7::bigint
    )
)
SELECT figure, range, name, city, number, total, smallest, largest
FROM figures
ORDER BY number DESC, name COLLATE "C"
