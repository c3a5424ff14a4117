-- Facts that a person wants kept in mind, and what a conversation was about before its last turns.

CREATE TABLE memories (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    user_id UUID NOT NULL,
    text TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_memories PRIMARY KEY (id),
    CONSTRAINT fk_memories_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id)
);
CREATE INDEX ix_memories_tenant_id_user_id ON memories (tenant_id, user_id);

ALTER TABLE memories ENABLE ROW LEVEL SECURITY;
ALTER TABLE memories FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON memories TO citewell_app
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
-- Whose a fact is never changes.
GRANT SELECT, INSERT, DELETE, UPDATE (text, updated_at) ON memories TO citewell_app;

ALTER TABLE conversations ADD COLUMN summary TEXT;
ALTER TABLE conversations ADD COLUMN summarised_to UUID;
