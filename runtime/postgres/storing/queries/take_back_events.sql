-- Move events that a retraction takes back out of the events; native ones are never.
--
-- $1 id  uuid[]
-- Returns one row for each that was moved: (id uuid, user_key uuid, occurred_at timestamptz,
-- source text, funnel_stage text, event_type text, revenue numeric, campaign_id text,
-- channel text, currency text)
SELECT
    taken.id, user_key, occurred_at, source::text AS source, funnel_stage::text AS funnel_stage,
    event_type, revenue, campaign_id, channel::text AS channel, currency
FROM take_back_events($1::uuid[]) AS taken
JOIN event_kinds ON event_kinds.id = taken.kind
