-- Tell what time it is by the database's clock.
--
-- Returns one row: (at timestamptz)
SELECT clock_timestamp() AS at
