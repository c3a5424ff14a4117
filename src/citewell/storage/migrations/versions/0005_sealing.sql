CREATE TABLE data_keys (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    state TEXT NOT NULL,
    master TEXT NOT NULL,
    wrapped BYTEA,
    complete BOOLEAN NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    activated_at TIMESTAMP WITH TIME ZONE,
    retired_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_data_keys PRIMARY KEY (id),
    CONSTRAINT fk_data_keys_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id),
    CONSTRAINT ck_data_keys_retired_is_erased CHECK ((state = 'retired') = (wrapped IS NULL))
);
CREATE INDEX ix_data_keys_tenant_id ON data_keys (tenant_id);
CREATE UNIQUE INDEX uq_data_keys_active ON data_keys (tenant_id) WHERE state = 'active';
CREATE UNIQUE INDEX uq_data_keys_incoming ON data_keys (tenant_id) WHERE state = 'incoming';

ALTER TABLE data_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE data_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON data_keys TO citewell_app
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
CREATE POLICY system ON data_keys TO citewell_system USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON data_keys TO citewell_app;
GRANT SELECT ON data_keys TO citewell_system;
