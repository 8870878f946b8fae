-- Count each table's live and dead rows, according to the statistics.
--
-- Returns the largest tables, at most fifty: (name text, live bigint, dead bigint)
SELECT relname::text AS name, n_live_tup AS live, n_dead_tup AS dead
FROM pg_stat_user_tables
WHERE schemaname = current_schema()
ORDER BY n_live_tup + n_dead_tup DESC, relname
LIMIT 50
