-- People who sign in, what they carry, the keys that sign it, and who may see a collection.

ALTER TABLE tenants ADD COLUMN suspended_at TIMESTAMP WITH TIME ZONE;

ALTER TABLE users
    ADD COLUMN email TEXT,
    ADD COLUMN password_hash TEXT,
    ADD COLUMN generation INTEGER DEFAULT '0' NOT NULL,
    ADD COLUMN suspended_at TIMESTAMP WITH TIME ZONE,
    ADD CONSTRAINT uq_users_email UNIQUE (email);

ALTER TABLE memberships ADD COLUMN created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL;

ALTER TABLE api_keys
    ADD COLUMN generation INTEGER,
    ADD COLUMN expires_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN last_used_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN replaced_by UUID,
    ADD CONSTRAINT fk_api_keys_replaced_by FOREIGN KEY(replaced_by)
        REFERENCES api_keys (id) ON DELETE SET NULL;
-- What the first release knew by its name alone: a browser's session, which now ends by itself.
UPDATE api_keys SET generation = 0, expires_at = now() + interval '14 days'
    WHERE name = 'browser session';

ALTER TABLE collections ADD COLUMN visibility TEXT DEFAULT 'tenant' NOT NULL;

CREATE TABLE refresh_tokens (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    user_id UUID NOT NULL,
    family UUID NOT NULL,
    digest BYTEA NOT NULL,
    generation INTEGER NOT NULL,
    scopes TEXT[] NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_refresh_tokens PRIMARY KEY (id),
    CONSTRAINT uq_refresh_tokens_digest UNIQUE (digest),
    CONSTRAINT fk_refresh_tokens_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id),
    CONSTRAINT fk_refresh_tokens_tenant_id_user_id FOREIGN KEY(tenant_id, user_id)
        REFERENCES memberships (tenant_id, user_id) ON DELETE CASCADE
);
CREATE INDEX ix_refresh_tokens_tenant_id_user_id ON refresh_tokens (tenant_id, user_id);
CREATE INDEX ix_refresh_tokens_family ON refresh_tokens (family);

CREATE TABLE socket_tickets (
    digest BYTEA NOT NULL,
    tenant_id UUID NOT NULL,
    user_id UUID NOT NULL,
    key_id UUID,
    family UUID,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_socket_tickets PRIMARY KEY (digest),
    CONSTRAINT fk_socket_tickets_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id),
    CONSTRAINT fk_socket_tickets_tenant_id_user_id FOREIGN KEY(tenant_id, user_id)
        REFERENCES memberships (tenant_id, user_id) ON DELETE CASCADE
);
CREATE INDEX ix_socket_tickets_tenant_id_user_id ON socket_tickets (tenant_id, user_id);

CREATE TABLE collection_shares (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    collection_id UUID NOT NULL,
    user_id UUID,
    role SMALLINT,
    access TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_collection_shares PRIMARY KEY (id),
    CONSTRAINT uq_collection_shares_collection_id_user_id UNIQUE (collection_id, user_id),
    CONSTRAINT uq_collection_shares_collection_id_role UNIQUE (collection_id, role),
    CONSTRAINT ck_collection_shares_one_grantee CHECK ((user_id IS NULL) != (role IS NULL)),
    CONSTRAINT fk_collection_shares_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id),
    CONSTRAINT fk_collection_shares_collection_id FOREIGN KEY(collection_id)
        REFERENCES collections (id) ON DELETE CASCADE,
    CONSTRAINT fk_collection_shares_tenant_id_user_id FOREIGN KEY(tenant_id, user_id)
        REFERENCES memberships (tenant_id, user_id) ON DELETE CASCADE
);
CREATE INDEX ix_collection_shares_tenant_id_user_id ON collection_shares (tenant_id, user_id);

-- The installation's own: no tenant's transaction can see them.
CREATE TABLE signing_keys (
    kid TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    public_key BYTEA NOT NULL,
    sealed_private_key BYTEA NOT NULL,
    added_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    promoted_at TIMESTAMP WITH TIME ZONE,
    retired_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_signing_keys PRIMARY KEY (kid)
);

CREATE TABLE sign_in_guesses (
    subject BYTEA NOT NULL,
    times TIMESTAMP WITH TIME ZONE[] NOT NULL,
    CONSTRAINT pk_sign_in_guesses PRIMARY KEY (subject)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['refresh_tokens', 'socket_tickets', 'collection_shares'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO citewell_app USING '
            '(tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid)', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO citewell_app', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['signing_keys', 'sign_in_guesses'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY[
        'users', 'refresh_tokens', 'socket_tickets', 'signing_keys', 'sign_in_guesses'
    ] LOOP
        EXECUTE format('CREATE POLICY system ON %I TO citewell_system USING (true)', name);
    END LOOP;
END $$;

-- A member from another tenant is seen where they are a member, and changed only at home.
CREATE POLICY member ON users FOR SELECT TO citewell_app USING (
    EXISTS (SELECT FROM memberships m WHERE m.user_id = users.id)
);
-- Nothing that a tenant's transaction can do shows a password's hash.
REVOKE SELECT ON users FROM citewell_app;
GRANT SELECT (id, tenant_id, name, email, generation, suspended_at, created_at)
    ON users TO citewell_app;

-- Who is asking: their id and role are entered together with the tenant. The server's own work in
-- a tenant enters as its owner; whoever enters as nobody sees what the whole tenant may see.
CREATE POLICY sharing ON collections AS RESTRICTIVE TO citewell_app USING (
    visibility = 'tenant'
    OR nullif(current_setting('app.role', true), '')::smallint >= 3
    OR EXISTS (
        SELECT FROM collection_shares s WHERE s.collection_id = collections.id AND (
            s.user_id = nullif(current_setting('app.user_id', true), '')::uuid
            OR s.role <= nullif(current_setting('app.role', true), '')::smallint
        )
    )
) WITH CHECK (true);
CREATE POLICY sharing ON documents AS RESTRICTIVE TO citewell_app USING (
    nullif(current_setting('app.role', true), '')::smallint >= 3
    OR collection_id IN (SELECT c.id FROM collections c)
) WITH CHECK (true);
-- A removal names nothing but an id that is gone.
CREATE POLICY sharing ON jobs AS RESTRICTIVE TO citewell_app USING (
    nullif(current_setting('app.role', true), '')::smallint >= 3
    OR kind = 'purge'
    OR EXISTS (
        SELECT FROM document_versions v JOIN documents d ON d.id = v.document_id
        WHERE v.id = jobs.subject
    )
) WITH CHECK (true);

GRANT SELECT (id, tenant_id, name, email, password_hash, generation, suspended_at),
    UPDATE (password_hash) ON users TO citewell_system;
GRANT SELECT (suspended_at), INSERT (id, name), UPDATE (name, suspended_at)
    ON tenants TO citewell_system;
GRANT SELECT, UPDATE (last_used_at) ON api_keys TO citewell_system;
GRANT SELECT ON refresh_tokens TO citewell_system;
GRANT SELECT, DELETE ON socket_tickets TO citewell_system;
GRANT SELECT, INSERT, UPDATE (promoted_at, retired_at) ON signing_keys TO citewell_system;
GRANT SELECT, INSERT, UPDATE, DELETE ON sign_in_guesses TO citewell_system;
