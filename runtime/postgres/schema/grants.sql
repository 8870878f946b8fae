-- Give each group role what its function needs, and nothing else.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM eps_collector, eps_reporter, eps_operator;
GRANT USAGE ON SCHEMA public TO eps_collector, eps_reporter, eps_operator;

-- Reports read, and nothing more.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO eps_reporter;

-- Collectors add rows and bring figures up to date; nothing of theirs deletes what is stored.
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO eps_collector, eps_operator;

-- What came is kept as it came: events and dead letters are only ever added.
REVOKE UPDATE ON events, dead_letters, dead_letter_history FROM eps_collector, eps_operator;
REVOKE INSERT ON dead_letter_history FROM eps_collector;
REVOKE INSERT, UPDATE ON schema_migrations FROM eps_collector, eps_operator;

-- What is kept how long is for the owner to say: `eps archive`.
REVOKE INSERT, UPDATE ON retention, archived_days, campaign_minutes
    FROM eps_collector, eps_operator;

-- The ledger forgets what needs no watching any more. A replay is no part of it.
REVOKE UPDATE ON envelopes, announced_envelopes FROM eps_collector;
GRANT DELETE ON envelopes, announced_envelopes, attempts TO eps_collector;
REVOKE INSERT, UPDATE ON envelopes, announced_envelopes, attempts, ledger, ledger_clock, backlogs
    FROM eps_operator;

-- An operator replays as a collector stores, and says what a dead letter became.
GRANT UPDATE (state, event_key) ON dead_letters TO eps_operator;
