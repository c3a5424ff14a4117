-- What a tenant may store and spend, counted where it happens: no caller can forget to.

CREATE TABLE quotas (
    tenant_id UUID NOT NULL,
    max_documents BIGINT,
    max_bytes BIGINT,
    max_pages BIGINT,
    max_tokens BIGINT,
    documents BIGINT DEFAULT '0' NOT NULL,
    bytes BIGINT DEFAULT '0' NOT NULL,
    pages BIGINT DEFAULT '0' NOT NULL,
    tokens BIGINT DEFAULT '0' NOT NULL,
    CONSTRAINT pk_quotas PRIMARY KEY (tenant_id),
    CONSTRAINT fk_quotas_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id)
);

CREATE TABLE budgets (
    tenant_id UUID NOT NULL,
    period TEXT NOT NULL,
    tokens BIGINT,
    money NUMERIC(18, 6),
    CONSTRAINT pk_budgets PRIMARY KEY (tenant_id, period),
    CONSTRAINT fk_budgets_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id)
);

CREATE TABLE spending (
    tenant_id UUID NOT NULL,
    day DATE NOT NULL,
    tokens BIGINT DEFAULT '0' NOT NULL,
    money NUMERIC(18, 6) DEFAULT '0' NOT NULL,
    CONSTRAINT pk_spending PRIMARY KEY (tenant_id, day),
    CONSTRAINT fk_spending_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id)
);

CREATE TABLE reservations (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    tokens BIGINT NOT NULL,
    money NUMERIC(18, 6) NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_reservations PRIMARY KEY (id),
    CONSTRAINT fk_reservations_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id)
);
CREATE INDEX ix_reservations_tenant_id ON reservations (tenant_id);

ALTER TABLE document_versions ADD COLUMN page_count INTEGER DEFAULT '0' NOT NULL;
ALTER TABLE document_versions ADD COLUMN tokens BIGINT DEFAULT '0' NOT NULL;

-- The owner sees no row of a forced table; what is stored already has to be counted once.
ALTER TABLE documents NO FORCE ROW LEVEL SECURITY;
ALTER TABLE document_versions NO FORCE ROW LEVEL SECURITY;
ALTER TABLE chunks NO FORCE ROW LEVEL SECURITY;
UPDATE document_versions SET page_count = jsonb_array_length(pages);
UPDATE document_versions SET tokens = c.tokens
    FROM (SELECT version_id, sum(tokens) AS tokens FROM chunks GROUP BY version_id) c
    WHERE c.version_id = document_versions.id;
INSERT INTO quotas (tenant_id, documents, bytes, pages, tokens)
    SELECT v.tenant_id, 0, sum(v.size), sum(v.page_count), sum(v.tokens)
    FROM document_versions v GROUP BY v.tenant_id;
UPDATE quotas SET documents = d.documents
    FROM (SELECT tenant_id, count(*) AS documents FROM documents
          WHERE deleted_at IS NULL GROUP BY tenant_id) d
    WHERE d.tenant_id = quotas.tenant_id;
ALTER TABLE documents FORCE ROW LEVEL SECURITY;
ALTER TABLE document_versions FORCE ROW LEVEL SECURITY;
ALTER TABLE chunks FORCE ROW LEVEL SECURITY;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['quotas', 'budgets', 'spending', 'reservations'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['budgets', 'spending', 'reservations'] LOOP
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO citewell_app USING '
            '(tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid)', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO citewell_app', name);
    END LOOP;
END $$;

-- For everybody: what a cascade removes may be counted as the tables' owner.
CREATE POLICY tenant ON quotas
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
CREATE POLICY system ON quotas TO citewell_system USING (true);
-- A tenant's transaction counts; only the installation sets the limits.
GRANT SELECT, INSERT (tenant_id, documents, bytes, pages, tokens),
    UPDATE (documents, bytes, pages, tokens) ON quotas TO citewell_app;
GRANT SELECT, INSERT (tenant_id, max_documents, max_bytes, max_pages, max_tokens),
    UPDATE (max_documents, max_bytes, max_pages, max_tokens) ON quotas TO citewell_system;

-- Adds to a tenant's counters, and refuses the transaction that would exceed a limit. The row's
-- lock makes concurrent transactions follow each other.
CREATE FUNCTION charge_quota(
    tenant uuid, more_documents bigint, more_bytes bigint, more_pages bigint, more_tokens bigint
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    now_used quotas%ROWTYPE;
BEGIN
    INSERT INTO quotas AS q (tenant_id, documents, bytes, pages, tokens)
        VALUES (tenant, more_documents, more_bytes, more_pages, more_tokens)
        ON CONFLICT (tenant_id) DO UPDATE SET
            documents = q.documents + excluded.documents,
            bytes = q.bytes + excluded.bytes,
            pages = q.pages + excluded.pages,
            tokens = q.tokens + excluded.tokens
        RETURNING * INTO now_used;
    PERFORM check_quota('documents', now_used.max_documents, now_used.documents, more_documents);
    PERFORM check_quota('bytes', now_used.max_bytes, now_used.bytes, more_bytes);
    PERFORM check_quota('pages', now_used.max_pages, now_used.pages, more_pages);
    PERFORM check_quota('tokens', now_used.max_tokens, now_used.tokens, more_tokens);
END $$;

CREATE FUNCTION check_quota(what text, most bigint, used bigint, more bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF more > 0 AND used > most THEN
        RAISE EXCEPTION 'quota exceeded' USING ERRCODE = 'CWQ01',
            DETAIL = format('%s %s %s %s', what, most, used - more, more);
    END IF;
END $$;

CREATE FUNCTION count_document() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    more integer := 0;
BEGIN
    IF TG_OP IN ('UPDATE', 'DELETE') AND OLD.deleted_at IS NULL THEN more := more - 1; END IF;
    IF TG_OP IN ('UPDATE', 'INSERT') AND NEW.deleted_at IS NULL THEN more := more + 1; END IF;
    IF more != 0 THEN
        PERFORM charge_quota(coalesce(NEW.tenant_id, OLD.tenant_id), more, 0, 0, 0);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION count_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    more_bytes bigint := coalesce(NEW.size, 0) - coalesce(OLD.size, 0);
    more_pages bigint := coalesce(NEW.page_count, 0) - coalesce(OLD.page_count, 0);
    more_tokens bigint := coalesce(NEW.tokens, 0) - coalesce(OLD.tokens, 0);
BEGIN
    IF more_bytes != 0 OR more_pages != 0 OR more_tokens != 0 THEN
        PERFORM charge_quota(
            coalesce(NEW.tenant_id, OLD.tenant_id), 0, more_bytes, more_pages, more_tokens);
    END IF;
    RETURN NULL;
END $$;

-- At the end of a transaction: the counters are the last lock that it takes, so that no two can
-- wait for each other, and it is held for the commit alone.
CREATE CONSTRAINT TRIGGER count_document AFTER INSERT OR DELETE OR UPDATE OF deleted_at
    ON documents DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION count_document();
CREATE CONSTRAINT TRIGGER count_version
    AFTER INSERT OR DELETE OR UPDATE OF size, page_count, tokens
    ON document_versions DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION count_version();
