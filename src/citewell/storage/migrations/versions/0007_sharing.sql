-- Whoever may only read a restricted collection writes nothing into it, whatever forgets to ask.

CREATE POLICY needs_share_for_writing ON documents AS RESTRICTIVE TO citewell_app USING (true) WITH CHECK (
    nullif(current_setting('app.role', true), '')::smallint >= 3
    OR EXISTS (
        SELECT FROM collections c WHERE c.id = documents.collection_id AND c.visibility = 'tenant'
    )
    OR EXISTS (
        SELECT FROM collection_shares s
        WHERE s.collection_id = documents.collection_id AND s.access = 'write' AND (
            s.user_id = nullif(current_setting('app.user_id', true), '')::uuid
            OR s.role <= nullif(current_setting('app.role', true), '')::smallint
        )
    )
);
