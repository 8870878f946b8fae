-- Make the group roles, where they are missing. They are the cluster's, not the database's:
-- another database of it may be making them now.
--
-- Who logs in is a member of one of them, and bears no rights of its own.
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

-- Who makes the schema may make it in this database.
GRANT USAGE, CREATE ON SCHEMA public TO eps_migrator;
