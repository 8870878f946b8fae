-- Add users to their cities, and subtract those who moved.
--
-- $1 key      uuid[]
-- $2 country  text[]
-- $3 city     text[]
-- $4 users    bigint[]  may be negative
-- Arrays are parallel; no two elements have the same city.
-- Returns one row for each city: (users bigint), its new total.
INSERT INTO user_cities AS known (key, country, city, users)
SELECT key, country, city, users
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[]) AS added (key, country, city, users)
ORDER BY key
ON CONFLICT (key) DO UPDATE SET users = known.users + excluded.users
RETURNING users
