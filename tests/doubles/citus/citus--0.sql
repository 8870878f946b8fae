-- Stands in for Citus where Citus can't be had: what runtime/postgres/schema/distribution.py
-- calls, on one server. A distributed table is one partitioned by the hash of its column, so
-- PostgreSQL refuses unique constraints without the column as Citus does, and every statement
-- reads several partitions. There is one server: nothing here shows how nodes fail, how
-- they commit, or which statements Citus can plan.
CREATE TABLE pg_dist_partition (logicalrelid regclass PRIMARY KEY, partmethod "char", shards integer);
CREATE TABLE pg_dist_node (nodename text, groupid integer, isactive boolean DEFAULT true);
CREATE TABLE pg_dist_local_group AS SELECT 0 AS groupid;
GRANT SELECT ON pg_dist_partition TO public;

CREATE FUNCTION citus_set_coordinator_host(host text) RETURNS void LANGUAGE sql
    AS 'INSERT INTO citus.pg_dist_node VALUES ($1, 0)';

CREATE FUNCTION citus_add_node(host text) RETURNS void LANGUAGE sql
    AS 'INSERT INTO citus.pg_dist_node SELECT $1, count(*) FROM citus.pg_dist_node';

-- Citus 14 forwards a worker's error from COPY as text alone, as an internal error.
CREATE FUNCTION forward_error() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    known boolean;
BEGIN
    IF current_query() ILIKE 'COPY %' THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE %2$I = ($1).%2$I)', TG_TABLE_NAME, TG_ARGV[0])
            INTO known USING NEW;
        IF known THEN
            RAISE 'duplicate key value violates unique constraint "%_pkey_102017"', TG_TABLE_NAME
                USING ERRCODE = 'XX000';
        END IF;
    END IF;
    RETURN NEW;
END
$$;

-- Put another table in a table's place, with its rows, its views and its next number.
CREATE FUNCTION replace_table(name text, partitioning text, shards integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    views jsonb := (
        SELECT coalesce(jsonb_object_agg(ev_class::regclass, pg_get_viewdef(ev_class)), '{}')
        FROM (
            SELECT DISTINCT ev_class
            FROM pg_rewrite
            JOIN pg_depend ON objid = pg_rewrite.oid
            WHERE refobjid = name::regclass AND ev_class <> refobjid
        ) AS of_it
    );
    numbered name := (
        SELECT attname FROM pg_attribute WHERE attrelid = name::regclass AND attidentity <> ''
    );
    view text;
BEGIN
    FOR view IN SELECT jsonb_object_keys(views) LOOP
        EXECUTE format('DROP VIEW %s', view);
    END LOOP;
    EXECUTE format('ALTER TABLE %I RENAME TO %I', name, name || '_before');
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL) %s', name, name || '_before', partitioning);
    FOR shard IN 1 .. shards LOOP
        EXECUTE format(
            'CREATE TABLE %I PARTITION OF %I FOR VALUES WITH (MODULUS %s, REMAINDER %s)',
            name || '_' || shard, name, shards, shard - 1
        );
    END LOOP;
    EXECUTE format('INSERT INTO %I OVERRIDING SYSTEM VALUE SELECT * FROM %I', name, name || '_before');
    IF numbered IS NOT NULL THEN
        EXECUTE format(
            'SELECT setval(pg_get_serial_sequence(%L, %L), (SELECT coalesce(max(%I), 0) + 1 FROM %I), false)',
            name, numbered, numbered, name
        );
    END IF;
    EXECUTE format('DROP TABLE %I', name || '_before');
    FOR view IN SELECT jsonb_object_keys(views) LOOP
        EXECUTE format('CREATE VIEW %s AS %s', view, views ->> view);
    END LOOP;
END
$$;

CREATE FUNCTION create_distributed_table(
    moved regclass, distribution_column text, colocate_with text DEFAULT 'default',
    shard_count integer DEFAULT NULL
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text := moved::text;
    has_key boolean := EXISTS (SELECT FROM pg_index WHERE indrelid = moved AND indisunique);
BEGIN
    IF shard_count IS NOT NULL AND colocate_with NOT IN ('default', 'none') THEN
        RAISE 'Cannot use colocate_with with a table and shard_count at the same time';
    END IF;
    IF shard_count IS NULL THEN
        SELECT shards INTO STRICT shard_count
        FROM citus.pg_dist_partition WHERE logicalrelid = colocate_with::regclass;
    END IF;
    PERFORM citus.replace_table(name, format('PARTITION BY HASH (%I)', distribution_column), shard_count);
    IF has_key THEN
        EXECUTE format(
            'CREATE TRIGGER forwards BEFORE INSERT ON %I FOR EACH ROW EXECUTE FUNCTION citus.forward_error(%L)',
            name, distribution_column
        );
    END IF;
    INSERT INTO citus.pg_dist_partition VALUES (name::regclass, 'h', shard_count);
END
$$;

CREATE FUNCTION citus_add_local_table_to_metadata(
    named regclass, cascade_via_foreign_keys boolean DEFAULT false
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    others regclass[] := ARRAY(
        SELECT CASE named WHEN conrelid THEN confrelid ELSE conrelid END
        FROM pg_constraint WHERE contype = 'f' AND named IN (conrelid, confrelid)
    );
BEGIN
    IF others <> '{}' AND NOT cascade_via_foreign_keys THEN
        RAISE 'relation % is involved in a foreign key relationship with another table', named;
    END IF;
    INSERT INTO citus.pg_dist_partition SELECT unnest(named || others), 'n', 1 ON CONFLICT DO NOTHING;
END
$$;

CREATE FUNCTION undistribute_table(named regclass, cascade_via_foreign_keys boolean DEFAULT false)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text := named::text;
    method "char";
BEGIN
    DELETE FROM citus.pg_dist_partition WHERE logicalrelid = named RETURNING partmethod INTO STRICT method;
    IF method = 'h' THEN
        PERFORM citus.replace_table(name, '', 0);
    END IF;
END
$$;

CREATE FUNCTION run_command_on_all_nodes(command text)
RETURNS TABLE (nodeid integer, success boolean, result text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE command;
    RETURN QUERY SELECT groupid, true, 'ALTER DATABASE' FROM citus.pg_dist_node;
END
$$;
