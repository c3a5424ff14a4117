-- What people may ask of their records in SQL: views, and a role that reads them and nothing else.

CREATE VIEW records_documents WITH (security_barrier) AS
SELECT d.id, d.title, d.filename, c.name AS collection, d.status,
    array_to_string(d.tags, ', ') AS tags, v.media_type, v.language, v.size AS bytes,
    v.page_count AS pages, v.tokens, d.failure_code, d.failure_reason,
    d.created_at AS added_at, d.updated_at AS changed_at
FROM documents d
JOIN collections c ON c.id = d.collection_id
LEFT JOIN document_versions v ON v.id = coalesce(d.active_version_id, d.latest_version_id)
WHERE d.deleted_at IS NULL;

CREATE VIEW records_collections WITH (security_barrier) AS
SELECT c.id, c.name, c.description, c.visibility, c.created_at,
    (SELECT count(*) FROM documents d
     WHERE d.collection_id = c.id AND d.deleted_at IS NULL) AS documents
FROM collections c;

CREATE VIEW records_jobs WITH (security_barrier) AS
SELECT j.id, j.kind, j.state, d.title AS document, c.name AS collection, j.attempts,
    j.progress_done, j.progress_total, j.error_code, j.error_reason,
    j.created_at, j.started_at, j.finished_at
FROM jobs j
LEFT JOIN document_versions v ON v.id = j.subject
LEFT JOIN documents d ON d.id = v.document_id AND d.deleted_at IS NULL
LEFT JOIN collections c ON c.id = d.collection_id;

-- What a tenant spends is for its administrators, as everywhere else.
CREATE VIEW records_usage WITH (security_barrier) AS
SELECT u.at, u.step, u.model, u.tokens_in, u.tokens_out, u.cost, u.milliseconds
FROM usage u
WHERE nullif(current_setting('app.role', true), '')::smallint >= 3;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'citewell_reader') THEN
        CREATE ROLE citewell_reader NOLOGIN NOSUPERUSER NOBYPASSRLS;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$
DECLARE
    name text;
BEGIN
    BEGIN
        EXECUTE format('GRANT citewell_reader TO %I', current_user);
    EXCEPTION WHEN insufficient_privilege THEN
        -- An administrator may have made us a member without the right to pass it on.
        IF NOT pg_has_role(current_user, 'citewell_reader', 'MEMBER') THEN
            RAISE;
        END IF;
    END;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO citewell_reader', current_schema());
    -- The views belong to the role that tenants' transactions run as: its policies hold in them, so
    -- that no view shows what its caller may not see, whoever owns the tables.
    EXECUTE format('GRANT CREATE ON SCHEMA %I TO citewell_app', current_schema());
    FOREACH name IN ARRAY ARRAY['documents', 'collections', 'jobs', 'usage'] LOOP
        EXECUTE format('GRANT SELECT ON %I TO citewell_reader', 'records_' || name);
        EXECUTE format('ALTER VIEW %I OWNER TO citewell_app', 'records_' || name);
    END LOOP;
    EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM citewell_app', current_schema());
END $$;
