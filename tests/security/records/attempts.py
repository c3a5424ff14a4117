"""Statements that want more than they may: those of a public list, and our own by their kind."""

# ruff: noqa: E501  # one statement is one string, however long

from collections.abc import Iterator

from tests.journeys.conftest import shared

OTHER_TENANT = "00000000-0000-7000-8000-00000000beef"

_STACKED = [
    "DELETE FROM documents", "DROP TABLE documents", "DROP VIEW records_documents",
    "UPDATE documents SET title = 'x'", "INSERT INTO documents DEFAULT VALUES", "TRUNCATE documents",
    "SELECT 1", "COMMIT", "ROLLBACK", "BEGIN", "RESET ROLE", "SET ROLE citewell_app",
    "SET SESSION AUTHORIZATION DEFAULT", "SET LOCAL transaction_read_only = off",
    f"SET app.tenant_id = '{OTHER_TENANT}'", "CREATE TABLE x (i int)", "DISCARD ALL",
    "ALTER ROLE citewell_reader SUPERUSER", "GRANT citewell_app TO citewell_reader",
    "LISTEN x", "NOTIFY citewell_jobs, 'x'", "VACUUM", "ANALYZE", "CHECKPOINT", "LOAD 'x'",
    "PREPARE x AS SELECT 1", "EXECUTE x", "DEALLOCATE ALL", "DECLARE c CURSOR FOR SELECT 1",
    "FETCH ALL FROM c", "MOVE 1 IN c", "CLOSE c", "LOCK TABLE documents", "EXPLAIN ANALYZE SELECT 1",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "CALL f()",
    "COMMENT ON TABLE documents IS 'x'", "REINDEX TABLE documents", "SECURITY LABEL ON ROLE x IS 'y'",
    "COPY documents TO '/tmp/x'", "COPY documents FROM PROGRAM 'id'", "COPY (SELECT 1) TO STDOUT",
    "COPY documents FROM STDIN", "DO $$ BEGIN PERFORM 1; END $$", "DO 'BEGIN NULL; END'",
    "SHOW ALL", "TABLE documents", "VALUES (1)", "MERGE INTO documents USING jobs ON true WHEN MATCHED THEN DELETE",
    "REFRESH MATERIALIZED VIEW x", "IMPORT FOREIGN SCHEMA x FROM SERVER y INTO z", "UNLISTEN *",
]  # fmt: skip
_TEMPLATES = [
    "SELECT 1; {}", "{}", "SELECT 1;\n--\n{}", "SELECT title FROM documents WHERE title = ''; {} --'",
]  # fmt: skip
_CTE = [
    "WITH x AS (DELETE FROM documents RETURNING *) SELECT * FROM x",
    "WITH x AS (UPDATE documents SET title = 'x' RETURNING *) SELECT * FROM x",
    "WITH x AS (INSERT INTO documents (title) VALUES ('x') RETURNING *) SELECT * FROM x",
    "WITH RECURSIVE x(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x) SELECT * FROM x",
    "WITH documents AS (SELECT * FROM users) SELECT * FROM documents",
    "WITH x AS MATERIALIZED (SELECT * FROM pg_roles) SELECT * FROM x",
    "SELECT * INTO x FROM documents", "SELECT * INTO TEMP x FROM documents",
    "CREATE TABLE x AS SELECT * FROM documents", "SELECT * FROM documents FOR UPDATE",
    "SELECT * FROM documents FOR SHARE NOWAIT", "SELECT * FROM ONLY documents",
    "SELECT * FROM documents TABLESAMPLE SYSTEM (10)",
    "SELECT * FROM documents, LATERAL (SELECT * FROM users) u",
    "SELECT (SELECT password_hash FROM users LIMIT 1)", "SELECT (TABLE users)",
    "SELECT * FROM (VALUES (1)) x", "SELECT * FROM ROWS FROM (now()) x",
]  # fmt: skip
_FUNCTIONS = [
    "pg_read_file('/etc/passwd')", "pg_read_binary_file('/etc/passwd')", "pg_ls_dir('/')",
    "pg_stat_file('/etc/passwd')", "lo_import('/etc/passwd')", "lo_export(1, '/tmp/x')",
    "lo_create(1)", "lo_get(1)", "lo_from_bytea(0, 'x')", "lo_unlink(1)", "pg_sleep(60)",
    "pg_sleep_for('1 hour')", "pg_sleep_until(now() + interval '1 hour')",
    f"set_config('app.tenant_id', '{OTHER_TENANT}', false)", "set_config('role', 'none', false)",
    "set_config('app.role', '4', true)", "set_config('transaction_read_only', 'off', true)",
    "current_setting('app.tenant_id')", "dblink('dbname=postgres', 'SELECT 1')",
    "dblink_connect('host=127.0.0.1')", "dblink_exec('SELECT 1')", "query_to_xml('SELECT 1', true, true, '')",
    "table_to_xml('users', true, true, '')", "database_to_xml(true, true, '')",
    "schema_to_xml('public', true, true, '')", "cursor_to_xml('c', 1, true, true, '')",
    "query_to_xml_and_xmlschema('SELECT * FROM users', true, true, '')", "pg_terminate_backend(1)",
    "pg_cancel_backend(1)", "pg_reload_conf()", "pg_rotate_logfile()", "pg_switch_wal()",
    "pg_create_restore_point('x')", "pg_logical_emit_message(true, 'x', 'y')", "pg_notify('x', 'y')",
    "pg_advisory_lock(1)", "pg_advisory_xact_lock(1)", "pg_try_advisory_lock(1)", "pg_export_snapshot()",
    "txid_current()", "pg_current_xact_id()", "nextval('chunks_key_seq')", "setval('chunks_key_seq', 1)",
    "lastval()", "currval('chunks_key_seq')", "version()", "current_user", "session_user", "user",
    "current_role", "current_catalog", "current_schema", "current_database()", "current_schemas(true)",
    "inet_server_addr()", "inet_server_port()", "pg_backend_pid()", "pg_postmaster_start_time()",
    "pg_conf_load_time()", "has_table_privilege('users', 'SELECT')", "pg_get_viewdef('records_documents')",
    "pg_get_functiondef(1)", "pg_get_userbyid(10)", "to_regclass('users')", "'users'::regclass",
    "1::regproc", "'x'::xml", "'{}'::json", "'[1]'::jsonb", "'x'::bytea", "'(1,1)'::point", "'x'::inet",
    "CAST('users' AS regclass)", "generate_series(1, 1000000000)", "repeat('x', 1000000000)",
    "lpad('x', 1000000000)", "rpad('x', 1000000000)", "string_agg(title, '')", "array_agg(title)",
    "json_agg(title)", "xmlagg(title::xml)", "array_fill(1, ARRAY[100000000])", "power(10, 100000)",
    "10 ^ 100000", "exp(100000)", "factorial(100000)", "regexp_replace(title, '(a+)+b', '')",
    "regexp_matches(title, '(.*)*', 'g')", "title ~ '(a+)+b'", "title SIMILAR TO '(a+)+b'",
    "format('%s', title)", "format('%I', title)", "quote_ident(title)", "encode('x', 'hex')",
    "convert_from('x', 'UTF8')", "md5(title)", "sha256('x')", "crypt('x', 'y')", "gen_random_uuid()",
    "random()", "setseed(0.5)", "unnest(ARRAY[1])", "ARRAY[1,2]", "ROW(1,2)", "documents.*::text",
    "row_to_json(documents)", "to_json(documents)", "xpath('/x', '<x/>')", "xmlparse(document '<x/>')",
    "ts_stat('SELECT 1')", "to_tsvector(title)", "pg_typeof(title)", "pg_column_size(title)",
    "pg_relation_size('users')", "pg_database_size('postgres')", "pg_total_relation_size('users')",
    "obj_description(1)", "col_description(1, 1)", "getdatabaseencoding()", "pg_catalog.version()",
    "public.f()", "\"pg_sleep\"(60)", "PG_SLEEP(60)", "pg_sleep (60)", "pg_sleep/**/(60)",
    "COALESCE(pg_sleep(60)::text, '')", "CASE WHEN pg_sleep(60) IS NULL THEN 1 END",
    "COUNT(*) FILTER (WHERE pg_sleep(60) IS NULL)", "MAX(pg_read_file('/etc/passwd'))",
    "EXTRACT(tenant FROM now())", "$1", ":x", "?", "@x", "@@version", "#x", "$$x$$", "E'\\'x'",
    "U&'\\0061'", "B'1'", "X'1F'", "N'x'", "'x' 'y'", "1e400000", "9" * 100, "0x1F", "1_000",
]  # fmt: skip
_TABLES = [
    "users", "api_keys", "tenants", "chunks", "messages", "citations", "run_events", "audit_log",
    "signing_keys", "data_keys", "refresh_tokens", "document_versions", "embeddings", "memberships",
    "records_documents", "records_usage", "public.documents", "public.records_documents",
    "pg_catalog.pg_class", "pg_class", "pg_roles", "pg_authid", "pg_shadow", "pg_user", "pg_settings",
    "pg_stat_activity", "pg_tables", "pg_views", "pg_proc", "pg_largeobject", "pg_stats", "pg_file_settings",
    "pg_hba_file_rules", "information_schema.tables", "information_schema.columns", "alembic_version",
    "postgres.public.documents", "pg_temp.x", '"users"', '"Documents"', 'U&"users"', "dblink('x', 'y')",
    "generate_series(1, 10)", "pg_ls_dir('/')", "pg_read_file('/etc/passwd')", "json_each('{}')",
    "unnest(ARRAY[1])", "documents d, users u", "documents JOIN users ON true",
    "documents NATURAL JOIN users", "documents CROSS JOIN pg_roles", "(SELECT * FROM users) d",
    "documents d(a, b)", "documents AS users JOIN users u ON true", "\u0064ocuments, us\u0435rs",
]  # fmt: skip
_ODD = [
    "", " ", ";", ";;", "--", "/*", "/**/", "SELECT", "SELECT /* x", "SELECT 'x", 'SELECT "x',
    "SELECT $$", "SELECT 1 -- ; DROP TABLE documents", "SELECT 1 /*; DROP TABLE documents; */",
    "SELECT 1 /* /* */ ; DROP TABLE documents", "SELECT/**/*/**/FROM/**/users", "\\copy users to x",
    "SELECT 1\x00; DROP TABLE documents", "SELECT 1；DROP TABLE documents",
    "SELECT\u00a0*\u00a0FROM\u00a0users", "SELECT * FROM ｕsers", "SELECT * FROM users\u200b",
    "SELECT 'a\\'; DROP TABLE documents; --'", "SELECT 'a''; DROP TABLE documents; --'",
    "SELECT ʼ; DROP TABLE documents; --", "SELECT \"a\"\"; DROP TABLE documents; --\" FROM documents",
    "(" * 200 + "SELECT 1" + ")" * 200, "SELECT " + "(" * 500 + "1" + ")" * 500,
    "SELECT " + "-" * 300 + "1", "SELECT 1" + " UNION SELECT 1" * 300, "SELECT " + "1," * 1990 + "1",
    "SELECT " + "title || " * 60 + "'x' FROM documents", "SELECT 1 WHERE " + "1=1 AND " * 400 + "1=1",
    "SELECT * FROM documents a, documents b, documents c, documents d, documents e, documents f, documents g",
    "SELECT count(*) FROM documents a, documents b, documents c, documents d, documents e, documents f",
    "SELECT * FROM documents WHERE title LIKE '" + "%a" * 500 + "'", "SELECT * FROM documents LIMIT ALL",
    "SELECT * FROM documents LIMIT -1", "SELECT * FROM documents OFFSET 99999999999999999999",
    "SELECT 1/0", "SELECT 1 % 0", "SELECT -9223372036854775808 / -1", "SELECT CAST('x' AS INT)",
    "SELECT CAST('9' AS VARCHAR(999999999))", "SELECT ROUND(1.5, 999999)", "SELECT * FROM documents HAVING",
    "SELECT ctid, xmin, tableoid FROM documents", "SELECT tenant_id FROM documents",
    "SELECT documents FROM documents", "SELECT d FROM documents d", "SELECT d.* FROM documents d",
    "SELECT nosuch FROM documents", "SELECT title FROM documents ORDER BY (SELECT password_hash FROM users)",
    "SELECT title FROM documents GROUP BY ROLLUP (title)", "SELECT title FROM documents FETCH FIRST 1 ROW WITH TIES",
    "SELECT DISTINCT ON (title) * FROM documents", "SELECT INTERVAL '1 day' * 999999999",
    "SELECT DATE '294277-01-01'", "SELECT TIMESTAMP 'infinity'", "SELECT added_at + INTERVAL '999999 years' FROM documents",
    "SELECT title COLLATE \"C\" FROM documents", "SELECT title FROM documents WINDOW w AS (ORDER BY title)",
    "SELECT rank() OVER (ORDER BY title) FROM documents", "SELECT * FROM usage", "SELECT sum(cost) FROM usage",
]  # fmt: skip


def listed() -> list[str]:
    """The strings of the public list."""
    folder = shared("security/sql-injection")
    lines = [
        line
        for path in sorted(folder.rglob("*.txt"))
        for line in path.read_bytes().decode("utf-8", errors="replace").splitlines()
    ]
    return list(dict.fromkeys(line for line in lines if line.strip()))


def embedded(string: str) -> Iterator[str]:
    """The string as a statement, and where a careless program would put it into one."""
    yield string
    yield f"SELECT title FROM documents WHERE title = '{string}'"
    yield f"SELECT title FROM documents WHERE bytes = {string}"
    yield f"SELECT title FROM documents ORDER BY {string}"


def own() -> list[str]:
    """Ours, by their kind."""
    stacked = [template.format(one) for one in _STACKED for template in _TEMPLATES]
    functions = [f"SELECT {one} FROM documents" for one in _FUNCTIONS]
    conditions = [f"SELECT title FROM documents WHERE ({one}) IS NOT NULL" for one in _FUNCTIONS]
    tables = [f"SELECT * FROM {one}" for one in _TABLES]
    within = [f"SELECT title FROM documents WHERE id IN (SELECT id FROM {one})" for one in _TABLES]
    joined = [f"SELECT title FROM documents UNION ALL SELECT 'x' FROM {one}" for one in _TABLES]
    return [*stacked, *_CTE, *functions, *conditions, *tables, *within, *joined, *_ODD]
