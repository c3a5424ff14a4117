-- Servers of tools (Model Context Protocol) that an administrator has named, each at an address or
-- behind a command of the operator's, and the tools that they offer, with what was approved.

CREATE TABLE mcp_servers (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    name TEXT NOT NULL,
    url TEXT,
    command TEXT,
    header TEXT NOT NULL,
    sealed_secret BYTEA,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    inspected_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_mcp_servers PRIMARY KEY (id),
    CONSTRAINT uq_mcp_servers_tenant_id_name UNIQUE (tenant_id, name),
    CONSTRAINT ck_mcp_servers_one_place CHECK ((url IS NULL) != (command IS NULL)),
    CONSTRAINT fk_mcp_servers_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id)
);

CREATE TABLE mcp_tools (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    server_id UUID NOT NULL,
    name TEXT NOT NULL,
    offered TEXT NOT NULL,
    listed BOOLEAN NOT NULL,
    labels TEXT[] NOT NULL,
    approved TEXT,
    approved_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_mcp_tools PRIMARY KEY (id),
    CONSTRAINT uq_mcp_tools_server_id_name UNIQUE (server_id, name),
    CONSTRAINT fk_mcp_tools_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id),
    CONSTRAINT fk_mcp_tools_server_id FOREIGN KEY(server_id) REFERENCES mcp_servers (id) ON DELETE CASCADE
);
CREATE INDEX ix_mcp_tools_tenant_id ON mcp_tools (tenant_id);

ALTER TABLE mcp_servers ENABLE ROW LEVEL SECURITY;
ALTER TABLE mcp_servers FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON mcp_servers TO citewell_app
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
ALTER TABLE mcp_tools ENABLE ROW LEVEL SECURITY;
ALTER TABLE mcp_tools FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON mcp_tools TO citewell_app
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
-- Where a server is never changes: its approvals were given for that place.
GRANT SELECT, INSERT, DELETE, UPDATE (inspected_at) ON mcp_servers TO citewell_app;
GRANT SELECT, INSERT, DELETE, UPDATE (offered, listed, labels, approved, approved_at) ON mcp_tools
    TO citewell_app;
