-- Read the database's clock.
--
-- Returns one row: (at timestamptz)
SELECT clock_timestamp() AS at
