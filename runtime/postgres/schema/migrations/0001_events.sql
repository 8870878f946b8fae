-- Events, once each; rollups and users, updated with them; the ledger; and dead letters.

CREATE TYPE event_source AS ENUM ('facebook', 'tiktok');
CREATE TYPE funnel_stage AS ENUM ('top', 'bottom');
CREATE TYPE channel AS ENUM (
    'native', 'meta.conversions', 'meta.webhook', 'tiktok.events', 'tiktok.webhook', 'tiktok.shop'
);
CREATE TYPE mapping AS ENUM ('exact', 'approximate');
CREATE TYPE granularity AS ENUM ('minute', 'hour', 'day', 'month');

-- What events are; the same few hundred combinations at the most.
CREATE TABLE event_kinds (
    id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source event_source NOT NULL,
    funnel_stage funnel_stage NOT NULL,
    channel channel NOT NULL,                   -- how it came
    mapping mapping,                            -- whether its type is the platform's; null if native
    event_type text NOT NULL,
    UNIQUE NULLS NOT DISTINCT (source, funnel_stage, event_type, channel, mapping)
);

-- Columns are ordered from wide to narrow, so that alignment pads little.
CREATE TABLE events (
    id uuid PRIMARY KEY,                        -- derived from source and event_id
    user_key uuid,                              -- derived from source and the user's id; null if unknown
    occurred_at timestamptz NOT NULL,           -- the event's own time
    block bigint NOT NULL,                      -- has its id and its JSON: see payload_blocks
    watch_seconds double precision,             -- tiktok, top
    percentage_watched double precision,        -- tiktok, top
    position smallint NOT NULL,                 -- in its block, from 0
    arrival smallint NOT NULL,                  -- how it arrived: see arrivals
    kind smallint NOT NULL,                     -- what it is: see event_kinds
    revenue numeric(18, 6),                     -- only on revenue events
    currency text,                              -- of revenue that did not come natively; ISO 4217
    order_id text,                              -- the shop's, if it did not come natively
    event_name text,                            -- the sender's name of a custom event
    campaign_id text,                           -- facebook, bottom
    watch_country text,                         -- tiktok, top
    watch_device text                           -- tiktok, top
);

CREATE INDEX events_by_time ON events (occurred_at);

-- The hash keeps the key narrow, however long a campaign's id.
CREATE INDEX events_by_campaign ON events (hashtextextended(campaign_id, 0), occurred_at)
    WHERE revenue IS NOT NULL AND campaign_id IS NOT NULL;

CREATE INDEX events_by_sale ON events (occurred_at) INCLUDE (revenue) WHERE revenue IS NOT NULL;

-- Ids and JSON of events that were stored together, of one source and one day of UTC, so
-- that they are deleted with their day. See runtime/postgres/payloads.py.
CREATE TABLE payload_blocks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    last_at timestamptz NOT NULL,               -- the latest time of its events
    data bytea STORAGE EXTERNAL NOT NULL        -- MessagePack, compressed by Zstandard
);

-- How events of a block arrived: a row for each request, not for each event.
CREATE TABLE arrivals (
    block bigint NOT NULL,
    accepted_at timestamptz NOT NULL,           -- when the gateway accepted it
    stored_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,                   -- when the broker stored its message
    stream_sequence bigint,                     -- that message's sequence in the broker's stream
    deliveries integer,                         -- of that message, until its events were stored
    number smallint NOT NULL,                   -- in its block, from 0
    correlation_id text NOT NULL,
    trace_parent text,                          -- the request's W3C trace context
    PRIMARY KEY (block, number)
);

-- Everything about an event but its id and its JSON, which `eps payload` and `eps export` read.
-- Each event has a kind and an arrival; a LEFT JOIN is left out where nothing of it is read.
CREATE VIEW stored_events AS
SELECT
    events.id, events.user_key, events.occurred_at, arrivals.accepted_at, arrivals.stored_at,
    arrivals.published_at, arrivals.stream_sequence, arrivals.deliveries,
    kinds.source, kinds.funnel_stage, kinds.event_type, kinds.channel, kinds.mapping,
    arrivals.correlation_id, arrivals.trace_parent,
    events.revenue, events.currency, events.order_id, events.event_name, events.campaign_id,
    events.watch_country, events.watch_device, events.watch_seconds, events.percentage_watched,
    events.block, events.position
FROM events
LEFT JOIN event_kinds AS kinds ON kinds.id = events.kind
LEFT JOIN arrivals ON arrivals.block = events.block AND arrivals.number = events.arrival;

-- Rollups: reports read them instead of events for whole minutes, hours and days.
CREATE TABLE event_rollups (
    bucket timestamptz NOT NULL,                -- UTC, its first instant
    granularity granularity NOT NULL,           -- how long it is
    source event_source NOT NULL,
    funnel_stage funnel_stage NOT NULL,
    channel channel NOT NULL,
    event_type text NOT NULL,
    currency text NOT NULL,                     -- of the revenue, if any
    events bigint NOT NULL,
    transactions bigint NOT NULL,               -- events with revenue
    revenue numeric NOT NULL,
    PRIMARY KEY (granularity, bucket, source, funnel_stage, event_type, channel, currency)
) WITH (fillfactor = 50);                       -- space for in-place updates

-- The same by the second, for recent events alone: reports of now end within a minute.
CREATE TABLE second_rollups (
    bucket timestamptz NOT NULL,
    source event_source NOT NULL,
    funnel_stage funnel_stage NOT NULL,
    channel channel NOT NULL,
    event_type text NOT NULL,
    currency text NOT NULL,
    events bigint NOT NULL,
    transactions bigint NOT NULL,
    revenue numeric NOT NULL,
    PRIMARY KEY (bucket, source, funnel_stage, event_type, channel, currency)
) WITH (fillfactor = 50);                       -- space for in-place updates

-- From when on second_rollups has every event. It only ever moves forward; before it,
-- late events are not added and rollups are deleted. A report reads it in the snapshot in
-- which it reads them. See advance_second_horizon.
CREATE TABLE second_horizon (
    complete_from timestamptz NOT NULL          -- a whole minute
) WITH (fillfactor = 10);                       -- space for in-place updates

CREATE UNIQUE INDEX second_horizon_has_one_row ON second_horizon ((true));

INSERT INTO second_horizon (complete_from)
VALUES (date_trunc('minute', now() - interval '26 hours'));

-- A campaign's total in a currency: its revenue in any range of time is never more.
CREATE TABLE campaigns (
    key uuid PRIMARY KEY,                       -- derived from campaign_id and currency
    first_at timestamptz NOT NULL,              -- its first and last sale
    last_at timestamptz NOT NULL,
    transactions bigint NOT NULL,
    revenue numeric NOT NULL,
    campaign_id text NOT NULL,
    currency text NOT NULL
) WITH (fillfactor = 90);

CREATE INDEX campaigns_by_revenue ON campaigns (revenue DESC) INCLUDE (first_at, last_at);

-- Sums of sales whose rows were let go; see archived_days.
CREATE TABLE campaign_minutes (
    minute timestamptz NOT NULL,                -- UTC, its first instant
    transactions bigint NOT NULL,
    source event_source NOT NULL,
    channel channel NOT NULL,
    revenue numeric NOT NULL,
    campaign_id text NOT NULL,
    currency text NOT NULL
);

CREATE INDEX campaign_minutes_by_time ON campaign_minutes (minute);
CREATE INDEX campaign_minutes_by_campaign
    ON campaign_minutes (hashtextextended(campaign_id, 0), minute);

-- Days of a source that are archived.
CREATE TABLE archived_days (
    day timestamptz NOT NULL,                   -- UTC, its first instant
    dropped_until timestamptz NOT NULL,         -- rows before this are gone; equal to day: none are
    archived_at timestamptz NOT NULL DEFAULT now(),
    restored_at timestamptz,                    -- when they were restored; null while they are gone
    source event_source NOT NULL,
    digest text NOT NULL,                       -- SHA-256 of its manifest
    PRIMARY KEY (day, source)
);

-- From when on events are accepted: older rows may be gone, so it would be unknown
-- whether such an event is new. Every store reads it first, in the same transaction;
-- moving it locks the table, and so waits for them all. See postgres/retention.py.
CREATE TABLE retention (
    kept_from timestamptz                       -- null if events of any time are accepted
);

CREATE UNIQUE INDEX retention_has_one_row ON retention ((true));

INSERT INTO retention (kept_from) VALUES (NULL);

-- Each user once, described by the newest event.
CREATE TABLE users (
    key uuid PRIMARY KEY,
    first_at timestamptz NOT NULL,              -- the earliest event
    newest_at timestamptz NOT NULL,             -- the latest one; of two at once, the greater id
    newest_id uuid NOT NULL,
    followers bigint,                           -- tiktok
    source event_source NOT NULL,
    age smallint,                               -- facebook, as are those below
    gender text,
    country text COLLATE "C",
    city text COLLATE "C"
) WITH (fillfactor = 90);

CREATE INDEX users_by_first_event ON users (first_at);

-- Usually none: an index by name has no room for them; see user_cities.
CREATE INDEX users_by_long_city ON users (first_at)
    WHERE length(country) > 100 OR length(city) > 100;

-- The least and the most followers of an hour's users are the index's ends; see shrink_hours.
CREATE INDEX users_by_followers
    ON users (date_bin('1 hour', first_at, timestamptz 'epoch'), followers)
    WHERE followers IS NOT NULL;

-- Every event of a user but the first. Most users of an advertiser never return.
CREATE TABLE return_visits (
    at timestamptz NOT NULL,
    user_key uuid NOT NULL
);

CREATE INDEX return_visits_by_time ON return_visits (at) INCLUDE (user_key);

-- The users with a return visit, as in users. They are few and close together, so a report
-- that needs many of them reads them all instead of looking up each.
CREATE TABLE returned_users (
    key uuid PRIMARY KEY,
    first_at timestamptz NOT NULL,
    followers bigint,
    source event_source NOT NULL,
    age smallint,
    gender text,
    country text COLLATE "C",
    city text COLLATE "C"
) WITH (fillfactor = 70);                       -- space for in-place updates

CREATE TYPE user_rollup_kind AS ENUM (
    'age',                                      -- name is the age in years
    'gender',
    'country',
    'followers',                                -- name is the number of digits
    'unknown_age',                              -- users of whom it is not known; name is empty
    'unknown_gender',
    'unknown_place',
    'unknown_followers',
    'watch_country',                            -- from here on number counts events
    'watch_device',
    'watch_seconds',
    'watch_percentage'
);

-- Users by attribute, in the bucket of their first event; and watching, in the events' buckets.
CREATE TABLE user_rollups (
    bucket timestamptz NOT NULL,                -- UTC, its first instant
    granularity granularity NOT NULL,
    figure user_rollup_kind NOT NULL,
    name_key uuid NOT NULL,                     -- derived from name, which may be long
    number bigint NOT NULL,
    smallest bigint,                            -- followers
    largest bigint,
    total numeric NOT NULL,                     -- of followers, seconds, percentages
    name text NOT NULL,
    PRIMARY KEY (granularity, bucket, figure, name_key)
) WITH (fillfactor = 70);

-- How many users each city has; most have one. Names of more than 100 characters are left out.
CREATE TABLE user_cities (
    users bigint NOT NULL,
    lone_at timestamptz,                        -- its one user's first event, until it has others
    shared smallint NOT NULL,                   -- 0: it has one user, and always had; 1: the last
                                                -- change ended that; 2: an earlier one did
    country text COLLATE "C" NOT NULL,
    city text COLLATE "C" NOT NULL,
    PRIMARY KEY (country, city) INCLUDE (lone_at, shared)
) WITH (fillfactor = 90);

CREATE INDEX user_cities_by_users ON user_cities ((-users), country, city) WHERE shared > 0;

-- The first event of each user of the other cities.
CREATE TABLE city_users (
    first_at timestamptz NOT NULL,
    country text COLLATE "C" NOT NULL,
    city text COLLATE "C" NOT NULL
);

CREATE INDEX city_users_by_city ON city_users (country, city, first_at);

-- What takes events back, whichever of the two comes first; see retracted_events.
CREATE TABLE retractions (
    id uuid PRIMARY KEY,                        -- derived from source and event_id
    retracted_key uuid NOT NULL,                -- that of the event
    occurred_at timestamptz NOT NULL,           -- when it was taken back
    accepted_at timestamptz NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    source event_source NOT NULL,
    channel channel NOT NULL,
    event_id text NOT NULL,                     -- the retraction's own
    retracted_id text NOT NULL,                 -- the event's
    correlation_id text NOT NULL,
    payload json NOT NULL                       -- the canonical record
);

CREATE INDEX retractions_by_event ON retractions (retracted_key);

-- Events that were taken back. Reports read events, so they leave these out; an event that
-- comes again is still known.
CREATE TABLE retracted_events (LIKE events, PRIMARY KEY (id));

-- Each event of a user that did not come natively, also after its row was let go: the rest of
-- a user's events tells what is left of the user when one is taken back.
CREATE TABLE channel_visits (
    user_key uuid NOT NULL,
    at timestamptz NOT NULL,
    event_key uuid NOT NULL,
    PRIMARY KEY (user_key, at, event_key)
);

-- Collectors may not delete events. What they need is here: to move those that a retraction
-- names, and to take their times from their users.
CREATE FUNCTION take_back_events(keys uuid[]) RETURNS SETOF retracted_events
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH gone AS (
        DELETE FROM events
        WHERE id = ANY(keys)
            AND kind IN (SELECT event_kinds.id FROM event_kinds WHERE channel <> 'native')
            AND EXISTS (SELECT FROM retractions WHERE retracted_key = events.id)
        RETURNING events.*
    ),
    visits AS (
        DELETE FROM channel_visits USING gone
        WHERE channel_visits.user_key = gone.user_key
            AND channel_visits.at = gone.occurred_at
            AND channel_visits.event_key = gone.id
    )
    INSERT INTO retracted_events
    SELECT * FROM gone
    RETURNING *
$$;

CREATE FUNCTION take_back_visits(times timestamptz[], keys uuid[]) RETURNS SETOF timestamptz
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    WITH wanted AS (
        SELECT at, user_key, count(*) AS number
        FROM unnest(times, keys) AS given (at, user_key)
        WHERE EXISTS (
            SELECT FROM retracted_events WHERE retracted_events.user_key = given.user_key
        )
        GROUP BY at, user_key
    )
    DELETE FROM return_visits
    USING (
        SELECT unnest((array_agg(visit.ctid))[:number]) AS place
        FROM wanted
        CROSS JOIN LATERAL (
            SELECT return_visits.ctid
            FROM return_visits
            WHERE return_visits.at = wanted.at AND return_visits.user_key = wanted.user_key
        ) AS visit
        GROUP BY wanted.at, wanted.user_key, number
    ) AS found
    WHERE return_visits.ctid = found.place
    RETURNING return_visits.at
$$;

CREATE FUNCTION take_back_users(keys uuid[]) RETURNS SETOF uuid
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    DELETE FROM users
    WHERE key = ANY(keys)
        AND EXISTS (SELECT FROM retracted_events WHERE user_key = users.key)
        AND NOT EXISTS (SELECT FROM channel_visits WHERE user_key = users.key)
    RETURNING users.key
$$;

CREATE FUNCTION take_back_returned_users(keys uuid[]) RETURNS SETOF uuid
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    DELETE FROM returned_users
    WHERE key = ANY(keys)
        AND EXISTS (SELECT FROM retracted_events WHERE user_key = returned_users.key)
    RETURNING returned_users.key
$$;

-- Figures as platforms report them, which are never events.
CREATE TABLE metric_snapshots (
    id uuid PRIMARY KEY,                        -- derived from source and event_id
    occurred_at timestamptz NOT NULL,           -- as of when the platform reports it
    accepted_at timestamptz NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    source event_source NOT NULL,
    channel channel NOT NULL,
    event_id text NOT NULL,
    object_type text NOT NULL,
    object_id text NOT NULL,
    metric text NOT NULL,
    value text NOT NULL,                        -- a decimal; money in the currency's minor unit
    correlation_id text NOT NULL,
    payload json NOT NULL                       -- the canonical record
);

CREATE INDEX metric_snapshots_by_object
    ON metric_snapshots (source, object_type, object_id, metric, occurred_at);

-- Requests to erase a user, by the user's platform or an operator. They are kept as proof, and
-- a restored day honours them.
CREATE TABLE erasures (
    id uuid PRIMARY KEY,                        -- derived from source and event_id
    user_key uuid NOT NULL,
    requested_at timestamptz NOT NULL,
    accepted_at timestamptz NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    done_at timestamptz,                        -- null until then
    events bigint,                              -- whose payloads are gone
    letters bigint,                             -- dead letters whose bytes are gone
    source event_source NOT NULL,
    channel channel NOT NULL,
    event_id text NOT NULL,
    confirmation_code text NOT NULL,
    correlation_id text NOT NULL,
    payload json NOT NULL                       -- the canonical record
);

CREATE INDEX erasures_by_user ON erasures (user_key);
CREATE INDEX erasures_by_code ON erasures (confirmation_code);

CREATE TABLE dead_letters (
    id uuid PRIMARY KEY,                        -- derived from reason, position and payload
    accepted_at timestamptz NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    source event_source,
    channel channel NOT NULL,                   -- how it came
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'replayed', 'discarded')),
    reason text NOT NULL
        CHECK (reason IN ('rejected', 'unreadable', 'refused', 'too_old', 'summarized')),
    field text NOT NULL,                        -- dotted path; empty for the whole event
    code text NOT NULL,
    message text NOT NULL,
    event_id text,
    event_key uuid,                             -- of the one event that it became
    correlation_id text,
    trace_parent text,
    elements integer NOT NULL DEFAULT 1,        -- of its request; the bytes of several are packed
    payload bytea NOT NULL                      -- the original bytes
);

CREATE INDEX dead_letters_in_order ON dead_letters (accepted_at, id);
-- Those that are not a sender's fault are few, and queried constantly.
CREATE INDEX dead_letters_by_own_fault ON dead_letters (accepted_at) WHERE reason <> 'rejected';

CREATE INDEX dead_letters_by_event ON dead_letters (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX dead_letters_by_key ON dead_letters (event_key) WHERE event_key IS NOT NULL;

-- Actions on dead letters, one row each.
CREATE TABLE dead_letter_history (
    letter_id uuid NOT NULL REFERENCES dead_letters ON DELETE CASCADE,
    at timestamptz NOT NULL DEFAULT now(),
    action text NOT NULL CHECK (action IN ('replayed', 'failed', 'discarded', 'reopened')),
    field text NOT NULL DEFAULT '',             -- the fault; as in dead_letters
    code text NOT NULL DEFAULT '',
    message text NOT NULL DEFAULT '',
    events integer NOT NULL DEFAULT 0,          -- how many events it became
    correlation_id text NOT NULL                -- of the request that caused it
);

CREATE INDEX dead_letter_history_by_letter ON dead_letter_history (letter_id, at);

-- Settled envelopes: one that is delivered again is recognized, and not counted twice.
CREATE TABLE envelopes (
    id uuid PRIMARY KEY,                        -- the broker's message id
    settled_at timestamptz NOT NULL DEFAULT now()  -- by ledger_clock
);

-- Not BRIN: its ranges never get narrower, so after a week each pruning would read the table.
CREATE INDEX envelopes_by_time ON envelopes (settled_at);

-- The clock by which envelopes age. It runs while collectors run and keep up, a
-- minute at most at a time, so a jump of the clock has no effect. See tick_ledger_clock.
CREATE TABLE ledger_clock (
    at timestamptz NOT NULL,
    ticked_at timestamptz NOT NULL              -- by the database's own clock
) WITH (fillfactor = 10);                       -- space for in-place updates

CREATE UNIQUE INDEX ledger_clock_has_one_row ON ledger_clock ((true));

INSERT INTO ledger_clock (at, ticked_at) VALUES (now(), now());

-- Messages that a process was about to open, which may have ended it: few, usually none.
CREATE TABLE attempts (
    id uuid PRIMARY KEY,                        -- the broker's message id
    times bigint NOT NULL DEFAULT 1,
    last_at timestamptz NOT NULL DEFAULT now()
);

-- What became of the events of settled envelopes.
CREATE TABLE ledger (
    minute timestamptz NOT NULL,                -- when the gateway accepted them
    instance uuid NOT NULL,                     -- the gateway's process
    counted bigint NOT NULL,                    -- by the gateway
    stored bigint NOT NULL,                     -- as events; rejected ones as dead letters
    duplicates bigint NOT NULL,                 -- were stored before
    dead bigint NOT NULL,                       -- became dead letters on the way
    source event_source,                        -- null if rejected and unknown
    rejected boolean NOT NULL,                  -- by the gateway
    UNIQUE NULLS NOT DISTINCT (minute, source, instance, rejected)
) WITH (fillfactor = 70);

CREATE INDEX ledger_imbalances ON ledger (minute)
    WHERE counted <> stored + duplicates + dead;

-- Envelopes that later ones have announced: in flight until they are settled.
CREATE TABLE announced_envelopes (
    id uuid PRIMARY KEY,
    minute timestamptz NOT NULL,
    instance uuid NOT NULL,
    events bigint NOT NULL,
    sequence bigint NOT NULL,                   -- its sequence in the broker's stream
    source event_source,                        -- as in ledger
    rejected boolean NOT NULL
);

-- Backlog of each consumer at the broker, as last measured by its function.
CREATE TABLE backlogs (
    consumer text PRIMARY KEY,
    source event_source,
    measured_at timestamptz NOT NULL,
    messages bigint NOT NULL,                   -- not acknowledged, delivered or not
    oldest_at timestamptz,                      -- when the first was published; null for none
    first_sequence bigint NOT NULL,             -- the broker has no message before it
    noted_at timestamptz NOT NULL DEFAULT clock_timestamp() -- by this database's own clock
);
