-- Estimate how many users have a city, and how many cities have several.
--
-- As of the last time when PostgreSQL analyzed or vacuumed the tables.
-- Returns one row: (users double precision, cities double precision), at least 1 each
SELECT
    greatest(sum(reltuples) FILTER (WHERE relname <> 'user_cities_by_users'), 1)::double precision
        AS users,
    greatest(sum(reltuples) FILTER (WHERE relname = 'user_cities_by_users'), 1)::double precision
        AS cities
FROM pg_class
WHERE oid IN ('user_cities'::regclass, 'city_users'::regclass, 'user_cities_by_users'::regclass)
