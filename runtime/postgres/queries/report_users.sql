-- Describe the users who have an event in a period, each by the newest event there is of them.
--
-- $1 start           timestamptz  null for no bound
-- $2 end             timestamptz  null for no bound
-- $3 source          text         null for both
-- $4 age_edges       integer[]    where a new range starts, ascending
-- $5 follower_edges  bigint[]     where a new range starts, ascending
-- $6 limit           bigint       how many genders, countries and cities at most
-- Returns rows of several figures, by number of users, then by names in order of code points:
-- (figure text, range integer, country text, name text, number bigint,
--  total numeric, smallest bigint, largest bigint)
-- age and followers have range, total, smallest and largest; gender and
-- country have name; city has country and name.
WITH theirs AS (
    -- Nothing before the period can be newer than what lies in it, and without
    -- an end all that comes after its start lies in it.
    SELECT source, user_id, occurred_at, id, age, followers, gender, country, city
    FROM events
    WHERE $2::timestamptz IS NULL
        AND occurred_at >= coalesce($1::timestamptz, '-infinity')
        AND ($3::text IS NULL OR source = $3::text::event_source)
    UNION ALL
    SELECT source, user_id, occurred_at, id, age, followers, gender, country, city
    FROM events
    WHERE $2::timestamptz IS NOT NULL
        AND occurred_at >= coalesce($1::timestamptz, '-infinity')
        AND (source, user_id) IN (
            SELECT source, user_id
            FROM events
            WHERE occurred_at >= coalesce($1::timestamptz, '-infinity')
                AND occurred_at < $2::timestamptz
                AND ($3::text IS NULL OR source = $3::text::event_source)
        )
),
newest AS MATERIALIZED (
    -- The hash sorts faster than the text; equal users stay side by side.
    SELECT DISTINCT ON (source, hashtextextended(user_id, 0), user_id COLLATE "C")
        source, age, followers, gender, country, city
    FROM theirs
    ORDER BY
        source, hashtextextended(user_id, 0), user_id COLLATE "C", occurred_at DESC, id DESC
),
figures AS (
    SELECT
        'age' AS figure, width_bucket(age::integer, $4::integer[]) AS range,
        NULL AS country, NULL AS name, count(*) AS number,
        sum(age)::numeric AS total, min(age)::bigint AS smallest, max(age)::bigint AS largest
    FROM newest
    WHERE source = 'facebook'
    GROUP BY 2
    UNION ALL
    SELECT
        'followers', width_bucket(followers, $5::bigint[]),
        NULL, NULL, count(*),
        sum(followers), min(followers), max(followers)
    FROM newest
    WHERE source = 'tiktok'
    GROUP BY 2
    UNION ALL
    (
        SELECT 'gender', NULL, NULL, gender, count(*), NULL, NULL, NULL
        FROM newest
        WHERE source = 'facebook'
        GROUP BY gender
        ORDER BY count(*) DESC, gender COLLATE "C"
        LIMIT $6::bigint
    )
    UNION ALL
    (
        SELECT 'country', NULL, NULL, country, count(*), NULL, NULL, NULL
        FROM newest
        WHERE source = 'facebook'
        GROUP BY country
        ORDER BY count(*) DESC, country COLLATE "C"
        LIMIT $6::bigint
    )
    UNION ALL
    (
        SELECT 'city', NULL, country, city, count(*), NULL, NULL, NULL
        FROM newest
        WHERE source = 'facebook'
        GROUP BY country, city
        ORDER BY count(*) DESC, country COLLATE "C", city COLLATE "C"
        LIMIT $6::bigint
    )
)
SELECT figure, range, country, name, number, total, smallest, largest
FROM figures
ORDER BY number DESC, country COLLATE "C", name COLLATE "C"
