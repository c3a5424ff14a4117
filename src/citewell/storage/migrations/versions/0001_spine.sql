-- The tables of the first release, its roles and its row-level security.

CREATE TABLE tenants (
    id UUID NOT NULL,
    name TEXT NOT NULL,
    audit_head BIGINT DEFAULT '-1' NOT NULL,
    audit_hash BYTEA DEFAULT '' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_tenants PRIMARY KEY (id),
    CONSTRAINT uq_tenants_name UNIQUE (name)
);

CREATE TABLE audit_log (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    number BIGINT NOT NULL,
    actor UUID,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    details JSONB NOT NULL,
    request_id TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    previous_hash BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    CONSTRAINT pk_audit_log PRIMARY KEY (id),
    CONSTRAINT uq_audit_log_tenant_id_number UNIQUE (tenant_id, number),
    CONSTRAINT fk_audit_log_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id)
);
CREATE INDEX ix_audit_log_tenant_id ON audit_log (tenant_id);

CREATE TABLE conversations (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    user_id UUID NOT NULL,
    title TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_conversations PRIMARY KEY (id),
    CONSTRAINT fk_conversations_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id)
);
CREATE INDEX ix_conversations_tenant_id ON conversations (tenant_id);

CREATE TABLE idempotency (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    user_id UUID NOT NULL,
    route TEXT NOT NULL,
    key TEXT NOT NULL,
    body_hash BYTEA NOT NULL,
    finished BOOLEAN NOT NULL,
    status SMALLINT,
    reply JSONB,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_idempotency PRIMARY KEY (id),
    CONSTRAINT uq_idempotency_tenant_id_user_id_route_key UNIQUE (tenant_id, user_id, route, key),
    CONSTRAINT fk_idempotency_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id)
);
CREATE INDEX ix_idempotency_tenant_id ON idempotency (tenant_id);

CREATE TABLE jobs (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    kind TEXT NOT NULL,
    subject UUID NOT NULL,
    state TEXT NOT NULL,
    priority SMALLINT DEFAULT '0' NOT NULL,
    attempts INTEGER DEFAULT '0' NOT NULL,
    crashes INTEGER DEFAULT '0' NOT NULL,
    lease_until TIMESTAMP WITH TIME ZONE,
    lease_token UUID,
    worker UUID,
    progress_done INTEGER DEFAULT '0' NOT NULL,
    progress_total INTEGER DEFAULT '0' NOT NULL,
    error_code TEXT,
    error_reason TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    run_after TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_jobs PRIMARY KEY (id),
    CONSTRAINT fk_jobs_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id)
);
CREATE INDEX ix_jobs_leased ON jobs (lease_until) WHERE state = 'leased';
CREATE INDEX ix_jobs_queued ON jobs (priority, created_at) WHERE state = 'queued';
CREATE INDEX ix_jobs_subject ON jobs (subject);
CREATE INDEX ix_jobs_tenant_id ON jobs (tenant_id);

CREATE TABLE spaces (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    model TEXT NOT NULL,
    revision TEXT NOT NULL,
    dimension INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_spaces PRIMARY KEY (id),
    CONSTRAINT uq_spaces_tenant_id_model_revision_dimension UNIQUE (tenant_id, model, revision, dimension),
    CONSTRAINT fk_spaces_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id)
);
CREATE INDEX ix_spaces_tenant_id ON spaces (tenant_id);

CREATE TABLE users (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    name TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_users PRIMARY KEY (id),
    CONSTRAINT uq_users_tenant_id_name UNIQUE (tenant_id, name),
    CONSTRAINT fk_users_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id)
);
CREATE INDEX ix_users_tenant_id ON users (tenant_id);

CREATE TABLE api_keys (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    user_id UUID NOT NULL,
    name TEXT NOT NULL,
    digest BYTEA NOT NULL,
    scopes TEXT[] NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_api_keys PRIMARY KEY (id),
    CONSTRAINT fk_api_keys_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id),
    CONSTRAINT fk_api_keys_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT uq_api_keys_digest UNIQUE (digest)
);
CREATE INDEX ix_api_keys_tenant_id ON api_keys (tenant_id);
CREATE INDEX ix_api_keys_user_id ON api_keys (user_id);

CREATE TABLE collections (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    name TEXT NOT NULL,
    description TEXT DEFAULT '' NOT NULL,
    active_space_id UUID NOT NULL,
    building_space_id UUID,
    head BIGINT DEFAULT '0' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_collections PRIMARY KEY (id),
    CONSTRAINT uq_collections_tenant_id_name UNIQUE (tenant_id, name),
    CONSTRAINT fk_collections_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id),
    CONSTRAINT fk_collections_active_space_id FOREIGN KEY(active_space_id) REFERENCES spaces (id),
    CONSTRAINT fk_collections_building_space_id FOREIGN KEY(building_space_id) REFERENCES spaces (id)
);
CREATE INDEX ix_collections_tenant_id ON collections (tenant_id);

CREATE TABLE memberships (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    user_id UUID NOT NULL,
    role SMALLINT NOT NULL,
    CONSTRAINT pk_memberships PRIMARY KEY (id),
    CONSTRAINT uq_memberships_tenant_id_user_id UNIQUE (tenant_id, user_id),
    CONSTRAINT fk_memberships_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id),
    CONSTRAINT fk_memberships_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX ix_memberships_tenant_id ON memberships (tenant_id);
CREATE INDEX ix_memberships_user_id ON memberships (user_id);

CREATE TABLE runs (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    conversation_id UUID NOT NULL,
    user_id UUID NOT NULL,
    state TEXT NOT NULL,
    request JSONB NOT NULL,
    head INTEGER DEFAULT '-1' NOT NULL,
    cancel_requested BOOLEAN DEFAULT 'false' NOT NULL,
    lease_until TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_runs PRIMARY KEY (id),
    CONSTRAINT fk_runs_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id),
    CONSTRAINT fk_runs_conversation_id FOREIGN KEY(conversation_id) REFERENCES conversations (id) ON DELETE CASCADE
);
CREATE INDEX ix_runs_conversation_id ON runs (conversation_id);
CREATE INDEX ix_runs_state ON runs (state);
CREATE INDEX ix_runs_tenant_id ON runs (tenant_id);

CREATE TABLE changes (
    tenant_id UUID NOT NULL,
    collection_id UUID NOT NULL,
    number BIGINT NOT NULL,
    kind TEXT NOT NULL,
    document_id UUID NOT NULL,
    version_id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_changes PRIMARY KEY (collection_id, number),
    CONSTRAINT fk_changes_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id),
    CONSTRAINT fk_changes_collection_id FOREIGN KEY(collection_id) REFERENCES collections (id) ON DELETE CASCADE
);

CREATE TABLE documents (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    collection_id UUID NOT NULL,
    title TEXT NOT NULL,
    filename TEXT NOT NULL,
    tags TEXT[] DEFAULT '{}' NOT NULL,
    metadata JSONB DEFAULT '{}' NOT NULL,
    status TEXT NOT NULL,
    latest_version_id UUID,
    active_version_id UUID,
    failure_code TEXT,
    failure_reason TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_documents PRIMARY KEY (id),
    CONSTRAINT fk_documents_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id),
    CONSTRAINT fk_documents_collection_id FOREIGN KEY(collection_id) REFERENCES collections (id) ON DELETE CASCADE
);
CREATE INDEX ix_documents_collection_filename ON documents (collection_id, filename);
CREATE INDEX ix_documents_collection_id ON documents (collection_id);
CREATE INDEX ix_documents_tenant_id ON documents (tenant_id);

CREATE TABLE messages (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    conversation_id UUID NOT NULL,
    run_id UUID NOT NULL,
    role TEXT NOT NULL,
    text TEXT NOT NULL,
    grounded FLOAT,
    answered BOOLEAN,
    partial BOOLEAN DEFAULT 'false' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_messages PRIMARY KEY (id),
    CONSTRAINT uq_messages_run_id_role UNIQUE (run_id, role),
    CONSTRAINT fk_messages_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id),
    CONSTRAINT fk_messages_conversation_id FOREIGN KEY(conversation_id) REFERENCES conversations (id) ON DELETE CASCADE,
    CONSTRAINT fk_messages_run_id FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE INDEX ix_messages_conversation_id ON messages (conversation_id);
CREATE INDEX ix_messages_run_id ON messages (run_id);
CREATE INDEX ix_messages_tenant_id ON messages (tenant_id);

CREATE TABLE run_events (
    tenant_id UUID NOT NULL,
    run_id UUID NOT NULL,
    seq INTEGER NOT NULL,
    event JSONB NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_run_events PRIMARY KEY (run_id, seq),
    CONSTRAINT fk_run_events_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id),
    CONSTRAINT fk_run_events_run_id FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);

CREATE TABLE usage (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    run_id UUID,
    step TEXT NOT NULL,
    model TEXT NOT NULL,
    tokens_in BIGINT NOT NULL,
    tokens_out BIGINT NOT NULL,
    milliseconds FLOAT NOT NULL,
    cost FLOAT DEFAULT '0' NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_usage PRIMARY KEY (id),
    CONSTRAINT fk_usage_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id),
    CONSTRAINT fk_usage_run_id FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE INDEX ix_usage_run_id ON usage (run_id);
CREATE INDEX ix_usage_tenant_id ON usage (tenant_id);

CREATE TABLE citations (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    message_id UUID NOT NULL,
    number INTEGER NOT NULL,
    answer_start INTEGER NOT NULL,
    answer_end INTEGER NOT NULL,
    chunk_id UUID NOT NULL,
    document_id UUID NOT NULL,
    version_id UUID NOT NULL,
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    quote TEXT NOT NULL,
    title TEXT NOT NULL,
    filename TEXT NOT NULL,
    page INTEGER,
    verified BOOLEAN NOT NULL,
    CONSTRAINT pk_citations PRIMARY KEY (id),
    CONSTRAINT fk_citations_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id),
    CONSTRAINT fk_citations_message_id FOREIGN KEY(message_id) REFERENCES messages (id) ON DELETE CASCADE
);
CREATE INDEX ix_citations_message_id ON citations (message_id);

CREATE TABLE document_versions (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    document_id UUID NOT NULL,
    number INTEGER NOT NULL,
    blob_key TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size BIGINT NOT NULL,
    media_type TEXT DEFAULT '' NOT NULL,
    language TEXT DEFAULT '' NOT NULL,
    kind TEXT DEFAULT '' NOT NULL,
    title TEXT DEFAULT '' NOT NULL,
    text TEXT,
    pages JSONB DEFAULT '[]' NOT NULL,
    headings JSONB DEFAULT '[]' NOT NULL,
    warnings JSONB DEFAULT '[]' NOT NULL,
    code_language TEXT DEFAULT '' NOT NULL,
    parser TEXT DEFAULT '' NOT NULL,
    pipeline TEXT DEFAULT '' NOT NULL,
    chunks_done INTEGER DEFAULT '0' NOT NULL,
    chunks_total INTEGER DEFAULT '0' NOT NULL,
    keeps_older BOOLEAN DEFAULT 'true' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_document_versions PRIMARY KEY (id),
    CONSTRAINT uq_document_versions_document_id_number UNIQUE (document_id, number),
    CONSTRAINT fk_document_versions_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id),
    CONSTRAINT fk_document_versions_document_id FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE
);
CREATE INDEX ix_document_versions_document_id ON document_versions (document_id);
CREATE INDEX ix_document_versions_sha256 ON document_versions (sha256);

CREATE TABLE chunks (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    key BIGINT GENERATED ALWAYS AS IDENTITY,
    document_id UUID NOT NULL,
    version_id UUID NOT NULL,
    ordinal INTEGER NOT NULL,
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    page INTEGER,
    page_label TEXT DEFAULT '' NOT NULL,
    headings TEXT[] NOT NULL,
    context TEXT NOT NULL,
    kind TEXT NOT NULL,
    tokens INTEGER NOT NULL,
    windows INTEGER[] NOT NULL,
    terms TEXT NOT NULL,
    field_terms TEXT NOT NULL,
    text TEXT NOT NULL,
    CONSTRAINT pk_chunks PRIMARY KEY (id),
    CONSTRAINT uq_chunks_version_id_ordinal UNIQUE (version_id, ordinal),
    CONSTRAINT fk_chunks_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id),
    CONSTRAINT uq_chunks_key UNIQUE (key),
    CONSTRAINT fk_chunks_document_id FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE,
    CONSTRAINT fk_chunks_version_id FOREIGN KEY(version_id) REFERENCES document_versions (id) ON DELETE CASCADE
);
CREATE INDEX ix_chunks_document_id ON chunks (document_id);

CREATE TABLE embeddings (
    tenant_id UUID NOT NULL,
    chunk_id UUID NOT NULL,
    space_id UUID NOT NULL,
    vectors BYTEA NOT NULL,
    CONSTRAINT pk_embeddings PRIMARY KEY (chunk_id, space_id),
    CONSTRAINT fk_embeddings_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id),
    CONSTRAINT fk_embeddings_chunk_id FOREIGN KEY(chunk_id) REFERENCES chunks (id) ON DELETE CASCADE,
    CONSTRAINT fk_embeddings_space_id FOREIGN KEY(space_id) REFERENCES spaces (id)
);

INSERT INTO tenants (id, name) VALUES ('00000000-0000-7000-8000-000000000001', 'default');

-- Two roles that own nothing, cannot log in and cannot bypass row-level security. Roles belong to
-- the whole server: another database of the same server may have made them already.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'citewell_app') THEN
        CREATE ROLE citewell_app NOLOGIN NOSUPERUSER NOBYPASSRLS;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'citewell_system') THEN
        CREATE ROLE citewell_system NOLOGIN NOSUPERUSER NOBYPASSRLS;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['citewell_app', 'citewell_system'] LOOP
        BEGIN
            EXECUTE format('GRANT %I TO %I', role, current_user);
        EXCEPTION WHEN insufficient_privilege THEN
            -- An administrator may have made us a member without the right to pass it on.
            IF NOT pg_has_role(current_user, role, 'MEMBER') THEN
                RAISE;
            END IF;
        END;
    END LOOP;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO citewell_app, citewell_system', current_schema());
END $$;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'users', 'memberships', 'api_keys', 'audit_log', 'idempotency', 'spaces', 'collections',
        'documents', 'document_versions', 'chunks', 'embeddings', 'changes', 'jobs',
        'conversations', 'runs', 'run_events', 'messages', 'citations', 'usage'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO citewell_app USING '
            '(tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid)', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO citewell_app', name);
    END LOOP;
    ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
    ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
    CREATE POLICY tenant ON tenants TO citewell_app
        USING (id = nullif(current_setting('app.tenant_id', true), '')::uuid);
    GRANT SELECT, UPDATE (audit_head, audit_hash) ON tenants TO citewell_app;

    -- What no tenant owns: who holds a key, which job is next, which run was left behind.
    FOREACH name IN ARRAY ARRAY[
        'tenants', 'memberships', 'api_keys', 'collections', 'jobs', 'runs', 'document_versions'
    ] LOOP
        EXECUTE format('CREATE POLICY system ON %I TO citewell_system USING (true)', name);
    END LOOP;
    GRANT SELECT ON memberships, api_keys TO citewell_system;
    GRANT SELECT (id, name, created_at) ON tenants TO citewell_system;
    GRANT SELECT (id, tenant_id, head) ON collections TO citewell_system;
    GRANT SELECT (id, tenant_id, state, lease_until) ON runs TO citewell_system;
    GRANT SELECT (blob_key) ON document_versions TO citewell_system;
    GRANT SELECT, UPDATE ON jobs TO citewell_system;
END $$;

-- Nobody rewrites history: records are added, never changed.
REVOKE UPDATE, DELETE ON audit_log FROM citewell_app;
