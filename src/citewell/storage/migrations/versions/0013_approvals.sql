-- Questions to a person about a call of a tool, and the last state of a run that may pause for one.

CREATE TABLE approvals (
    id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    run_id UUID NOT NULL,
    thread_id UUID NOT NULL,
    user_id UUID NOT NULL,
    number INTEGER NOT NULL,
    tool TEXT NOT NULL,
    arguments JSONB NOT NULL,
    digest TEXT NOT NULL,
    labels JSONB NOT NULL,
    state TEXT NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    outcome JSONB,
    CONSTRAINT pk_approvals PRIMARY KEY (id),
    CONSTRAINT uq_approvals_thread_id_number UNIQUE (thread_id, number),
    CONSTRAINT fk_approvals_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id),
    CONSTRAINT fk_approvals_run_id FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE,
    CONSTRAINT fk_approvals_thread_id FOREIGN KEY(thread_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE INDEX ix_approvals_run_id ON approvals (run_id);
CREATE INDEX ix_approvals_state ON approvals (state);
CREATE INDEX ix_approvals_tenant_id ON approvals (tenant_id);

CREATE TABLE checkpoints (
    run_id UUID NOT NULL,
    tenant_id UUID NOT NULL,
    held_by UUID NOT NULL,
    checkpoint_id TEXT NOT NULL,
    content TEXT NOT NULL,
    writes JSONB NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_checkpoints PRIMARY KEY (run_id),
    CONSTRAINT fk_checkpoints_run_id FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE,
    CONSTRAINT fk_checkpoints_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenants (id)
);
CREATE INDEX ix_checkpoints_tenant_id ON checkpoints (tenant_id);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['approvals', 'checkpoints'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY tenant ON %I TO citewell_app USING '
            '(tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid)', name);
    END LOOP;
END $$;

-- What was asked of whom never changes; what became of it does. Sealing writes `arguments` anew.
GRANT SELECT, INSERT, DELETE ON approvals TO citewell_app;
GRANT UPDATE (state, expires_at, decided_at, ended_at, arguments, outcome) ON approvals
    TO citewell_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON checkpoints TO citewell_app;

-- Whose question nobody has answered in time.
CREATE POLICY system ON approvals TO citewell_system USING (true);
GRANT SELECT (tenant_id, run_id, state, expires_at) ON approvals TO citewell_system;
