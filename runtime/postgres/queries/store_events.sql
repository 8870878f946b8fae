-- Store a batch of events, count the new ones by minute and hour; those stored already stay.
--
-- $1  id                  uuid[]
-- $2  occurred_at         timestamptz[]  the event's own time
-- $3  accepted_at         timestamptz[]  when the gateway took it
-- $4  source              text[]         facebook or tiktok
-- $5  funnel_stage        text[]         top or bottom
-- $6  event_type          text[]
-- $7  event_id            text[]         the platform's own id
-- $8  correlation_id      text[]
-- $9  user_id             text[]
-- $10 revenue             numeric[]      null unless a revenue event with an amount
-- $11 campaign_id         text[]
-- $12 age                 smallint[]
-- $13 gender              text[]
-- $14 country             text[]
-- $15 city                text[]
-- $16 followers           bigint[]
-- $17 device              text[]
-- $18 watch_seconds       double precision[]
-- $19 percentage_watched  double precision[]
-- $20 payload             text[]         JSON, as it came
-- Arrays are parallel: element i of each describes row i. An event that comes
-- twice in them is stored as its first row has it.
-- Rows and counters are touched in the order of their keys, so that two
-- collectors never wait for each other in a ring.
-- Returns one row: (new bigint), how many were not there before.
WITH incoming AS (
    SELECT *
    FROM unnest(
        $1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::text[], $6::text[],
        $7::text[], $8::text[], $9::text[], $10::numeric[], $11::text[], $12::smallint[],
        $13::text[], $14::text[], $15::text[], $16::bigint[], $17::text[],
        $18::double precision[], $19::double precision[], $20::text[]
    ) WITH ORDINALITY AS row (
        id, occurred_at, accepted_at, source, funnel_stage, event_type,
        event_id, correlation_id, user_id, revenue, campaign_id, age,
        gender, country, city, followers, device,
        watch_seconds, percentage_watched, payload, position
    )
),
stored AS (
    INSERT INTO events (
        id, occurred_at, accepted_at, source, funnel_stage, event_type,
        event_id, correlation_id, user_id, revenue, campaign_id, age,
        gender, country, city, followers, device,
        watch_seconds, percentage_watched, payload
    )
    SELECT
        id,
        -- The driver sends the first and the last moment of its calendar as infinities.
        least(
            greatest(occurred_at, timestamptz '0001-01-01 00:00:00+00'),
            timestamptz '9999-12-31 23:59:59.999999+00'
        ),
        accepted_at, source::event_source, funnel_stage::funnel_stage, event_type,
        event_id, correlation_id, user_id, revenue, campaign_id, age,
        gender, country, city, followers, device,
        watch_seconds, percentage_watched, payload::json
    FROM incoming
    ORDER BY id, position
    ON CONFLICT (id) DO NOTHING
    RETURNING occurred_at, source, funnel_stage, event_type, revenue
),
figures AS (
    SELECT
        date_trunc('minute', occurred_at, 'UTC') AS minute, source, funnel_stage, event_type,
        count(*) AS events, count(revenue) AS transactions, coalesce(sum(revenue), 0) AS revenue
    FROM stored
    GROUP BY minute, source, funnel_stage, event_type
),
minutes AS (
    INSERT INTO event_minutes AS known (
        minute, source, funnel_stage, event_type, events, transactions, revenue
    )
    SELECT minute, source, funnel_stage, event_type, events, transactions, revenue
    FROM figures
    ORDER BY minute, source, funnel_stage, event_type
    ON CONFLICT (minute, source, funnel_stage, event_type) DO UPDATE SET
        events = known.events + excluded.events,
        transactions = known.transactions + excluded.transactions,
        revenue = known.revenue + excluded.revenue
    RETURNING 1
),
hours AS (
    INSERT INTO event_hours AS known (
        hour, source, funnel_stage, event_type, events, transactions, revenue
    )
    SELECT
        date_trunc('hour', minute, 'UTC') AS hour, source, funnel_stage, event_type,
        sum(events), sum(transactions), sum(revenue)
    FROM figures
    WHERE (SELECT count(*) FROM minutes) > 0  -- that is, after the minutes, in every transaction
    GROUP BY hour, source, funnel_stage, event_type
    ORDER BY hour, source, funnel_stage, event_type
    ON CONFLICT (hour, source, funnel_stage, event_type) DO UPDATE SET
        events = known.events + excluded.events,
        transactions = known.transactions + excluded.transactions,
        revenue = known.revenue + excluded.revenue
)
SELECT count(*) AS new FROM stored
