-- Make the group roles that are missing. Roles belong to the cluster, not to the database:
-- another of its databases may be making them now.
--
-- A login is a member of one of them, and has no rights of its own.
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY '{eps_migrator,eps_collector,eps_reporter,eps_operator}'::text[] LOOP
        BEGIN
            IF to_regrole(role) IS NULL THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
END
$$;

-- The owner may create the schema in this database.
GRANT USAGE, CREATE ON SCHEMA public TO eps_migrator;
