-- Give each group role what its function needs, and nothing else.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM eps_collector, eps_reporter, eps_operator;
GRANT USAGE ON SCHEMA public TO eps_collector, eps_reporter, eps_operator;

-- Reports only read.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO eps_reporter;

-- Collectors add rows and update rollups; they never delete what is stored.
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO eps_collector, eps_operator;

-- Events and dead letters are only ever added, and stay as they came.
REVOKE UPDATE ON events, event_kinds, payload_blocks, arrivals, dead_letters, dead_letter_history
    FROM eps_collector, eps_operator;
REVOKE INSERT, UPDATE ON stored_events FROM eps_collector, eps_operator;
REVOKE INSERT ON dead_letter_history FROM eps_collector;
REVOKE INSERT, UPDATE ON schema_migrations FROM eps_collector, eps_operator;

-- Rollups by the second are kept for recent events only.
GRANT DELETE ON second_rollups TO eps_collector;
REVOKE INSERT, UPDATE ON second_horizon FROM eps_collector, eps_operator;
GRANT UPDATE ON second_horizon TO eps_collector;

-- Users who move leave the list of their former city.
GRANT DELETE ON city_users TO eps_collector, eps_operator;

-- Retention is the owner's decision: `eps archive`.
REVOKE INSERT, UPDATE ON retention, archived_days, campaign_minutes
    FROM eps_collector, eps_operator;

-- The ledger forgets settled envelopes that need no more watching. Replays don't affect it.
REVOKE UPDATE ON envelopes, announced_envelopes FROM eps_collector;
GRANT DELETE ON envelopes, announced_envelopes, attempts TO eps_collector;
REVOKE INSERT, UPDATE ON envelopes, announced_envelopes, attempts, ledger, ledger_clock, backlogs
    FROM eps_operator;

-- An operator replays with a collector's rights, and records what a dead letter became.
GRANT UPDATE (state, event_key) ON dead_letters TO eps_operator;

-- An event is moved only where a retraction names it, and never back. The functions do that.
REVOKE UPDATE ON retractions, channel_visits, metric_snapshots, erasures FROM eps_collector, eps_operator;
REVOKE INSERT, UPDATE ON retracted_events FROM eps_collector, eps_operator;
REVOKE ALL ON FUNCTION take_back_events, take_back_visits, take_back_users, take_back_returned_users
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION take_back_events, take_back_visits, take_back_users, take_back_returned_users
    TO eps_collector, eps_operator;
