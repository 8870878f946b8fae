-- Return the beginning of the current day, by the database's clock.
--
-- Returns one row: (today timestamptz)
SELECT date_trunc('day', now(), 'UTC') AS today
