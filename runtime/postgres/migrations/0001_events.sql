-- Events once each, the figures of what was new by minute and hour, and dead letters.

CREATE TYPE event_source AS ENUM ('facebook', 'tiktok');
CREATE TYPE funnel_stage AS ENUM ('top', 'bottom');

-- Columns run from wide to narrow, so that alignment pads little.
CREATE TABLE events (
    id uuid PRIMARY KEY,                        -- derived from source and event_id
    occurred_at timestamptz NOT NULL,           -- the event's own time
    accepted_at timestamptz NOT NULL,           -- when the gateway took it
    stored_at timestamptz NOT NULL DEFAULT now(),
    followers bigint,                           -- tiktok
    watch_seconds double precision,             -- tiktok, top
    percentage_watched double precision,        -- tiktok, top
    source event_source NOT NULL,
    funnel_stage funnel_stage NOT NULL,
    age smallint,                               -- facebook
    event_type text NOT NULL,
    event_id text NOT NULL,
    correlation_id text NOT NULL,
    user_id text NOT NULL,
    revenue numeric(18, 6),                     -- only on revenue events
    campaign_id text,                           -- facebook, bottom
    gender text,                                -- facebook
    country text,                               -- facebook; tiktok, top
    city text,                                  -- facebook
    device text,                                -- facebook, bottom; tiktok, top
    payload json NOT NULL                       -- the event as it came, unknown keys too
);

CREATE INDEX events_by_time ON events (occurred_at);

-- The hash keeps the key narrow however long a campaign's id is.
CREATE INDEX events_by_campaign ON events (hashtextextended(campaign_id, 0), occurred_at)
    WHERE revenue IS NOT NULL AND campaign_id IS NOT NULL;

CREATE INDEX events_by_sale ON events (occurred_at) INCLUDE (revenue) WHERE revenue IS NOT NULL;

-- What reports read instead of events, where a whole minute or hour is asked for.
CREATE TABLE event_minutes (
    minute timestamptz NOT NULL,                -- its first instant
    source event_source NOT NULL,
    funnel_stage funnel_stage NOT NULL,
    event_type text NOT NULL,
    events bigint NOT NULL,
    transactions bigint NOT NULL,               -- events with revenue
    revenue numeric NOT NULL,
    PRIMARY KEY (minute, source, funnel_stage, event_type)
) WITH (fillfactor = 50);                       -- room to update in place

CREATE TABLE event_hours (
    hour timestamptz NOT NULL,                  -- UTC, its first instant
    source event_source NOT NULL,
    funnel_stage funnel_stage NOT NULL,
    event_type text NOT NULL,
    events bigint NOT NULL,
    transactions bigint NOT NULL,
    revenue numeric NOT NULL,
    PRIMARY KEY (hour, source, funnel_stage, event_type)
) WITH (fillfactor = 50);

CREATE TABLE dead_letters (
    id uuid PRIMARY KEY,                        -- derived from reason, position and payload
    accepted_at timestamptz NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    source event_source,
    reason text NOT NULL CHECK (reason IN ('rejected', 'unreadable', 'refused')),
    field text NOT NULL,                        -- dotted path; empty for the whole
    code text NOT NULL,
    message text NOT NULL,
    event_id text,
    correlation_id text,
    payload bytea NOT NULL                      -- the original bytes
);

CREATE INDEX dead_letters_by_time ON dead_letters (stored_at);
