-- Events once each, the figures fed with them, the users behind them, and dead letters.

CREATE TYPE event_source AS ENUM ('facebook', 'tiktok');
CREATE TYPE funnel_stage AS ENUM ('top', 'bottom');
CREATE TYPE granularity AS ENUM ('minute', 'hour', 'day', 'month');

-- Columns run from wide to narrow, so that alignment pads little.
CREATE TABLE events (
    id uuid PRIMARY KEY,                        -- derived from source and event_id
    user_key uuid NOT NULL,                     -- derived from source and the user's id
    occurred_at timestamptz NOT NULL,           -- the event's own time
    accepted_at timestamptz NOT NULL,           -- when the gateway took it
    stored_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,                   -- when the broker took its message
    stream_sequence bigint,                     -- that message's place in the broker's stream
    watch_seconds double precision,             -- tiktok, top
    percentage_watched double precision,        -- tiktok, top
    source event_source NOT NULL,
    funnel_stage funnel_stage NOT NULL,
    deliveries integer,                         -- of that message, until it was stored
    event_type text NOT NULL,
    event_id text NOT NULL,
    correlation_id text NOT NULL,
    trace_parent text,                          -- the request's, W3C trace context
    revenue numeric(18, 6),                     -- only on revenue events
    campaign_id text,                           -- facebook, bottom
    watch_country text,                         -- tiktok, top
    watch_device text,                          -- tiktok, top
    payload json NOT NULL                       -- the event as it came, unknown keys too
);

CREATE INDEX events_by_time ON events (occurred_at);

-- The hash keeps the key narrow however long a campaign's id is.
CREATE INDEX events_by_campaign ON events (hashtextextended(campaign_id, 0), occurred_at)
    WHERE revenue IS NOT NULL AND campaign_id IS NOT NULL;

CREATE INDEX events_by_sale ON events (occurred_at) INCLUDE (revenue) WHERE revenue IS NOT NULL;

-- What reports read instead of events, where a whole minute, hour or day is asked for.
CREATE TABLE event_rollups (
    bucket timestamptz NOT NULL,                -- UTC, its first instant
    granularity granularity NOT NULL,           -- how long it is
    source event_source NOT NULL,
    funnel_stage funnel_stage NOT NULL,
    event_type text NOT NULL,
    events bigint NOT NULL,
    transactions bigint NOT NULL,               -- events with revenue
    revenue numeric NOT NULL,
    PRIMARY KEY (granularity, bucket, source, funnel_stage, event_type)
) WITH (fillfactor = 50);                       -- room to update in place

-- All that a campaign ever earned: no range of time can hold more of it.
CREATE TABLE campaigns (
    key uuid PRIMARY KEY,                       -- derived from campaign_id
    first_at timestamptz NOT NULL,              -- its first and its last sale
    last_at timestamptz NOT NULL,
    transactions bigint NOT NULL,
    revenue numeric NOT NULL,
    campaign_id text NOT NULL
) WITH (fillfactor = 90);

CREATE INDEX campaigns_by_revenue ON campaigns (revenue DESC) INCLUDE (first_at, last_at);

-- Sales of campaigns whose rows were let go; see archived_days.
CREATE TABLE campaign_minutes (
    minute timestamptz NOT NULL,                -- UTC, its first instant
    transactions bigint NOT NULL,
    source event_source NOT NULL,
    revenue numeric NOT NULL,
    campaign_id text NOT NULL
);

CREATE INDEX campaign_minutes_by_time ON campaign_minutes (minute);
CREATE INDEX campaign_minutes_by_campaign
    ON campaign_minutes (hashtextextended(campaign_id, 0), minute);

-- Days of a source that lie in an archive.
CREATE TABLE archived_days (
    day timestamptz NOT NULL,                   -- UTC, its first instant
    dropped_until timestamptz NOT NULL,         -- its rows before then are gone; day: none are
    archived_at timestamptz NOT NULL DEFAULT now(),
    restored_at timestamptz,                    -- when they came back; null while they are gone
    source event_source NOT NULL,
    digest text NOT NULL,                       -- SHA-256 of its manifest
    PRIMARY KEY (day, source)
);

-- From when on events are taken: rows of older ones may be gone, so that nobody could
-- tell whether one is new. Whoever stores reads it first, in the same transaction; who
-- moves it locks the table, and so waits for them all. See postgres/retention.py.
CREATE TABLE retention (
    kept_from timestamptz                       -- null where events of any time are
);

CREATE UNIQUE INDEX retention_has_one_row ON retention ((true));

INSERT INTO retention (kept_from) VALUES (NULL);

-- Each user once, with what the newest event says of them.
CREATE TABLE users (
    key uuid PRIMARY KEY,
    first_at timestamptz NOT NULL,              -- the earliest event
    newest_at timestamptz NOT NULL,             -- the latest one; of two at once, the greater id
    newest_id uuid NOT NULL,
    followers bigint,                           -- tiktok
    source event_source NOT NULL,
    age smallint,                               -- facebook, and all below
    gender text,
    country text,
    city text
) WITH (fillfactor = 90);

CREATE INDEX users_by_first_event ON users (first_at);

-- The least and the most followers of an hour's users are its ends; see shrink_hours.
CREATE INDEX users_by_followers
    ON users (date_bin('1 hour', first_at, timestamptz 'epoch'), followers)
    WHERE followers IS NOT NULL;

-- Every event of a user but the first. Most users of an advertiser never come back.
CREATE TABLE return_visits (
    at timestamptz NOT NULL,
    user_key uuid NOT NULL
);

CREATE INDEX return_visits_by_time ON return_visits (at) INCLUDE (user_key);

CREATE TYPE user_rollup_kind AS ENUM (
    'age',                                      -- name is the years
    'gender',
    'country',
    'followers',                                -- name is how many digits they have
    'watch_country',                            -- number is of events, from here on
    'watch_device',
    'watch_seconds',
    'watch_percentage'
);

-- Users by what they are, counted where their first event lies; and what was watched when.
CREATE TABLE user_rollups (
    bucket timestamptz NOT NULL,                -- UTC, its first instant
    granularity granularity NOT NULL,
    figure user_rollup_kind NOT NULL,
    name_key uuid NOT NULL,                     -- derived from name, however long that is
    number bigint NOT NULL,
    smallest bigint,                            -- followers
    largest bigint,
    total numeric NOT NULL,                     -- of followers, seconds, percentages
    name text NOT NULL,
    PRIMARY KEY (granularity, bucket, figure, name_key)
) WITH (fillfactor = 70);

CREATE TABLE user_cities (
    key uuid PRIMARY KEY,                       -- derived from country and city
    users bigint NOT NULL,
    country text NOT NULL,
    city text NOT NULL
) WITH (fillfactor = 90);

-- Most cities have one user; only the others are worth an order.
CREATE INDEX user_cities_by_users ON user_cities (users DESC) WHERE users > 1;

CREATE TABLE dead_letters (
    id uuid PRIMARY KEY,                        -- derived from reason, position and payload
    accepted_at timestamptz NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    source event_source,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'replayed', 'discarded')),
    reason text NOT NULL
        CHECK (reason IN ('rejected', 'unreadable', 'refused', 'too_old', 'summarized')),
    field text NOT NULL,                        -- dotted path; empty for the whole
    code text NOT NULL,
    message text NOT NULL,
    event_id text,
    event_key uuid,                             -- of the one event that it became
    correlation_id text,
    trace_parent text,
    elements integer NOT NULL DEFAULT 1,        -- of its request; of more the bytes are packed
    payload bytea NOT NULL                      -- the original bytes
);

CREATE INDEX dead_letters_in_order ON dead_letters (accepted_at, id);
-- Those that are not a sender's fault are few, and are looked for all the time.
CREATE INDEX dead_letters_by_own_fault ON dead_letters (accepted_at) WHERE reason <> 'rejected';

CREATE INDEX dead_letters_by_event ON dead_letters (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX dead_letters_by_key ON dead_letters (event_key) WHERE event_key IS NOT NULL;

-- What was done to dead letters, one row each time.
CREATE TABLE dead_letter_history (
    letter_id uuid NOT NULL REFERENCES dead_letters ON DELETE CASCADE,
    at timestamptz NOT NULL DEFAULT now(),
    action text NOT NULL CHECK (action IN ('replayed', 'failed', 'discarded', 'reopened')),
    field text NOT NULL DEFAULT '',             -- why it failed; as in dead_letters
    code text NOT NULL DEFAULT '',
    message text NOT NULL DEFAULT '',
    events integer NOT NULL DEFAULT 0,          -- how many came of it
    correlation_id text NOT NULL                -- of the request that did it
);

CREATE INDEX dead_letter_history_by_letter ON dead_letter_history (letter_id, at);

-- Envelopes that were settled: what of them comes again is known, and not counted twice.
CREATE TABLE envelopes (
    id uuid PRIMARY KEY,                        -- the broker's message id
    settled_at timestamptz NOT NULL DEFAULT now()  -- by ledger_clock
);

-- Not by BRIN: its ranges never get narrower, so after a week each pruning would read the table.
CREATE INDEX envelopes_by_time ON envelopes (settled_at);

-- The time by which envelopes get old. It goes on while collectors run and keep up,
-- a minute at a time at the most: a clock that jumps takes it nowhere. See tick_ledger_clock.
CREATE TABLE ledger_clock (
    at timestamptz NOT NULL,
    ticked_at timestamptz NOT NULL              -- by the database's own clock
) WITH (fillfactor = 10);                       -- room to update in place

CREATE UNIQUE INDEX ledger_clock_has_one_row ON ledger_clock ((true));

INSERT INTO ledger_clock (at, ticked_at) VALUES (now(), now());

-- Messages that a process was about to open, which may have ended it: few, and mostly none.
CREATE TABLE attempts (
    id uuid PRIMARY KEY,                        -- the broker's message id
    times bigint NOT NULL DEFAULT 1,
    last_at timestamptz NOT NULL DEFAULT now()
);

-- What became of the events of settled envelopes.
CREATE TABLE ledger (
    minute timestamptz NOT NULL,                -- when the gateway took them
    instance uuid NOT NULL,                     -- the gateway's process
    counted bigint NOT NULL,                    -- by the gateway
    stored bigint NOT NULL,                     -- as events; rejected ones as dead letters
    duplicates bigint NOT NULL,                 -- were stored so before
    dead bigint NOT NULL,                       -- became dead letters on the way
    source event_source,                        -- null where rejected and unknown
    rejected boolean NOT NULL,                  -- by the gateway
    UNIQUE NULLS NOT DISTINCT (minute, source, instance, rejected)
) WITH (fillfactor = 70);

CREATE INDEX ledger_imbalances ON ledger (minute)
    WHERE counted <> stored + duplicates + dead;

-- Envelopes that others tell of: in flight until they are settled.
CREATE TABLE announced_envelopes (
    id uuid PRIMARY KEY,
    minute timestamptz NOT NULL,
    instance uuid NOT NULL,
    events bigint NOT NULL,
    sequence bigint NOT NULL,                   -- its place in the broker's stream
    source event_source,                        -- as in ledger
    rejected boolean NOT NULL
);

-- What waits at the broker for each consumer, as its function last saw it.
CREATE TABLE backlogs (
    consumer text PRIMARY KEY,
    source event_source,
    measured_at timestamptz NOT NULL,
    messages bigint NOT NULL,                   -- not acknowledged, delivered or not
    oldest_at timestamptz,                      -- when the first of them came; null for none
    first_sequence bigint NOT NULL,             -- the broker has nothing before it any more
    noted_at timestamptz NOT NULL DEFAULT clock_timestamp() -- by this database's own clock
);
