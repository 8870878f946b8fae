-- Distribute the tables on a Citus cluster. Run it once on the coordinator, after
-- `eps migrate`. docs/scaling.md lists the statements that have to change before.
--
-- The large tables are distributed by the hash of a key that is in all of their unique
-- constraints, so that one node decides whether an event is a duplicate.
CREATE EXTENSION IF NOT EXISTS citus;

SELECT create_distributed_table('events', 'id');
SELECT create_distributed_table('payload_blocks', 'id');
SELECT create_distributed_table('arrivals', 'block', colocate_with => 'payload_blocks');
SELECT create_distributed_table('users', 'key', colocate_with => 'events');
SELECT create_distributed_table('return_visits', 'user_key', colocate_with => 'events');
SELECT create_distributed_table('campaigns', 'key', colocate_with => 'events');

-- These are not distributed and stay on the coordinator: event_rollups, second_rollups, second_horizon, user_rollups (many writers add
-- to the same few rows, and a report reads them all), user_cities and city_users (by name, not by a user's key), ledger, ledger_clock, attempts, envelopes, announced_envelopes,
-- backlogs (days of them), retention, archived_days, campaign_minutes (what is left of dropped rows), dead_letters, dead_letter_history (locked row by row),
-- retractions, metric_snapshots, erasures (few), and schema_migrations.
