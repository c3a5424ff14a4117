-- What people agreed to, copies of what is stored about them, the ledger of erasures, and whose
-- bytes a version is.

CREATE TABLE consents (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    user_id UUID NOT NULL,
    purpose TEXT NOT NULL,
    version TEXT NOT NULL,
    given BOOLEAN NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_consents PRIMARY KEY (id),
    CONSTRAINT fk_consents_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id)
);
CREATE INDEX ix_consents_tenant_id_user_id ON consents (tenant_id, user_id);

CREATE TABLE exports (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    user_id UUID NOT NULL,
    requested_by UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    blob_key TEXT,
    sha256 TEXT,
    size BIGINT,
    CONSTRAINT pk_exports PRIMARY KEY (id),
    CONSTRAINT fk_exports_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id)
);
CREATE INDEX ix_exports_tenant_id_user_id ON exports (tenant_id, user_id);

CREATE TABLE erasures (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    user_id UUID NOT NULL,
    requested_by UUID NOT NULL,
    everywhere BOOLEAN NOT NULL,
    with_documents BOOLEAN NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    erased_at TIMESTAMP WITH TIME ZONE,
    scrubbed_at TIMESTAMP WITH TIME ZONE,
    removed JSONB DEFAULT '{}' NOT NULL,
    CONSTRAINT pk_erasures PRIMARY KEY (id),
    CONSTRAINT fk_erasures_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id)
);
CREATE INDEX ix_erasures_tenant_id_user_id ON erasures (tenant_id, user_id);

ALTER TABLE document_versions ADD COLUMN added_by UUID;
ALTER TABLE document_versions ALTER COLUMN added_by
    SET DEFAULT (nullif(current_setting('app.user_id', true), ''))::uuid;
CREATE INDEX ix_document_versions_added_by ON document_versions (added_by);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['consents', 'exports', 'erasures'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO citewell_app USING '
            '(tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid)', name);
    END LOOP;
END $$;
-- A decision is never rewritten, only followed by another; an erasure is never taken back.
GRANT SELECT, INSERT, DELETE ON consents TO citewell_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON exports TO citewell_app;
GRANT SELECT, INSERT, UPDATE (erased_at, scrubbed_at, removed) ON erasures TO citewell_app;
-- So that the sweep of files leaves a copy alone while its row is there.
CREATE POLICY system ON exports TO citewell_system USING (true);
GRANT SELECT (blob_key) ON exports TO citewell_system;
