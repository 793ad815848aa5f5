"""All SQL of the step, each statement under a name. `{…}` are names and values that psycopg quotes."""

# -- what a database is --------------------------------------------------------------------------------

SETTINGS = """
SELECT name, setting FROM pg_settings
WHERE name IN ('wal_level', 'max_replication_slots', 'max_active_replication_origins', 'max_wal_senders',
               'max_logical_replication_workers')
"""
REPLICATION_IN_USE = """
SELECT (SELECT count(*) FROM pg_replication_slots WHERE slot_name <> ALL(%(own)s)) AS slots,
       (SELECT count(*) FROM pg_replication_origin_status
        WHERE external_id NOT IN (SELECT 'pg_' || oid FROM pg_subscription WHERE subname = ANY(%(own)s))
       ) AS origins,
       (SELECT count(*) FROM pg_stat_replication WHERE application_name <> ALL(%(own)s)) AS senders,
       (SELECT count(*) FROM pg_subscription WHERE subenabled AND subname <> ALL(%(own)s)) AS workers
"""
LOCALE = """
SELECT format('ENCODING %%L LC_COLLATE %%L LC_CTYPE %%L', encoding, datcollate, datctype)
       || CASE provider WHEN 'i' THEN ' LOCALE_PROVIDER icu ICU_LOCALE ' || quote_literal(locale)
                        WHEN 'b' THEN ' LOCALE_PROVIDER builtin BUILTIN_LOCALE ' || quote_literal(locale)
                        ELSE ' LOCALE_PROVIDER libc' END
       || coalesce(' ICU_RULES ' || quote_literal(rules), '') AS clause
FROM (
    SELECT pg_encoding_to_char(encoding) AS encoding, datcollate, datctype, datlocprovider AS provider,
           -- Since PostgreSQL 17, before it, and since 16.
           coalesce(to_jsonb(d)->>'datlocale', to_jsonb(d)->>'daticulocale') AS locale,
           to_jsonb(d)->>'daticurules' AS rules
    FROM pg_database d WHERE datname = %s
) this
"""
COLUMNS = """
SELECT c.relname AS "table", a.attname AS "column", format_type(a.atttypid, a.atttypmod) AS type
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname = ANY(%s)
  AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
ORDER BY c.relname, a.attname
"""
PRIMARY_KEYS = """
SELECT c.relname AS "table", array_agg(a.attname ORDER BY k.position) AS columns,
       (array_agg(a.attcollation <> 0 ORDER BY k.position))[1] AS collated
FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid
CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(number, position)
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
WHERE i.indisprimary AND c.relnamespace = 'public'::regnamespace AND c.relname = ANY(%s)
GROUP BY c.relname
"""
RULES = """
SELECT c.relname AS "table", quote_ident(a.attname) || ' NOT NULL' AS rule
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY(%(tables)s)
  AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull
UNION
SELECT c.relname, pg_get_constraintdef(o.oid)
FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid
WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY(%(tables)s) AND o.contype IN ('c', 'x')
UNION
-- Without its name: Django makes one up.
SELECT c.relname, replace(pg_get_indexdef(i.indexrelid), quote_ident(n.relname) || ' ON ', 'ON ')
       || CASE WHEN i.indimmediate THEN '' ELSE ' DEFERRABLE' END
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class n ON n.oid = i.indexrelid
WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY(%(tables)s)
  AND i.indisunique AND i.indisvalid AND NOT i.indisprimary
"""
UNFIT = """
SELECT c.relname AS "table", quote_ident(c.relname) AS quoted, c.relpersistence <> 'p' AS unlogged,
       c.relreplident NOT IN ('d', 'f') AS identity,
       EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND NOT i.indimmediate)
           AS deferrable,
       EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey)
               JOIN pg_type y ON y.oid = a.atttypid
               WHERE i.indrelid = c.oid AND i.indisprimary AND a.attcollation = 0 AND y.typtype = 'b'
                 AND y.typnamespace <> 'pg_catalog'::regnamespace) AS extended,
       c.relkind = 'p' OR EXISTS (SELECT FROM pg_inherits h WHERE c.oid IN (h.inhrelid, h.inhparent))
           AS inherits,
       (SELECT string_agg(t.tgname, ', ') FROM pg_trigger t
        WHERE t.tgrelid = c.oid AND t.tgenabled IN ('A', 'R')) AS triggers
FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY(%s)
ORDER BY c.relname
"""
HAS_COLUMN = """
SELECT 1 FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = %s AND column_name = %s
"""
SCHEMA_OWNERS = """
SELECT r.rolname AS role, r.rolsuper AS trusted FROM pg_roles r
WHERE r.oid IN (SELECT nspowner FROM pg_namespace WHERE nspname = 'strangler'
                UNION SELECT relowner FROM pg_class WHERE relnamespace = to_regnamespace('strangler')
                UNION SELECT proowner FROM pg_proc WHERE pronamespace = to_regnamespace('strangler'))
"""
ROLE_EXISTS = "SELECT 1 FROM pg_roles WHERE rolname = %s"
READERS = """
SELECT r.rolname AS role
FROM pg_class c
CROSS JOIN LATERAL aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) granted
JOIN pg_roles r ON r.oid = granted.grantee
WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY(%s)
  AND granted.privilege_type IN ('INSERT', 'UPDATE', 'DELETE')
UNION SELECT rolname FROM pg_roles WHERE rolname = %s
"""

# -- locks that must not be waited for long ------------------------------------------------------------

NO_TIMEOUTS = """
SELECT set_config(name, '0', false) FROM pg_settings
WHERE name IN ('idle_session_timeout', 'transaction_timeout')
"""
LOCK_TIMEOUT = "SELECT set_config('lock_timeout', %s, false)"
STATEMENT_TIMEOUT = "SELECT set_config('statement_timeout', %s, false)"
IDLE_TIMEOUT = "SELECT set_config('idle_session_timeout', %s, false)"
OLDEST_TRANSACTION = """
SELECT pid, datname, coalesce(usename, '') AS role, application_name, xact_start, left(query, 120) AS query
FROM pg_stat_activity
WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid() AND backend_type IN ('client backend', 'walsender')
ORDER BY xact_start LIMIT 1
"""

# -- foreign keys that cross the domain's border -------------------------------------------------------

REMEMBERED = """
CREATE TABLE IF NOT EXISTS strangler.constraints (
    domain text, "table" text, name text, definition text NOT NULL, PRIMARY KEY (domain, "table", name)
)
"""
ACROSS = """
SELECT t.oid::regclass::text AS quoted, t.relnamespace = 'public'::regnamespace AS public,
       t.relname AS "table", c.conname AS name, pg_get_constraintdef(c.oid) AS definition
FROM pg_constraint c
JOIN pg_class t ON t.oid = c.conrelid
JOIN pg_class f ON f.oid = c.confrelid
WHERE c.contype = 'f' AND c.conparentid = 0
  AND (t.relnamespace = 'public'::regnamespace AND t.relname = ANY(%(tables)s))
   <> (f.relnamespace = 'public'::regnamespace AND f.relname = ANY(%(tables)s))
ORDER BY t.relname, c.conname
"""
CROSSING = f"SELECT * FROM ({ACROSS}) across WHERE public"  # noqa: S608 - a constant, and so is the next
LEAVING = f'SELECT * FROM ({ACROSS}) across WHERE public AND "table" = ANY(%(tables)s)'  # noqa: S608
REMEMBER = """
INSERT INTO strangler.constraints (domain, "table", name, definition) VALUES (%s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""
REMEMBERED_OF = """
SELECT "table", name, definition FROM strangler.constraints WHERE domain = %s ORDER BY "table", name
"""
FORGET = 'DELETE FROM strangler.constraints WHERE domain = %s AND "table" = %s AND name = %s'
FORGET_ALL = "DELETE FROM strangler.constraints WHERE domain = %s"
ANY_REMEMBERED = "SELECT 1 FROM strangler.constraints LIMIT 1"
CONSTRAINT_EXISTS = """
SELECT convalidated FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
WHERE t.relnamespace = 'public'::regnamespace AND t.relname = %s AND c.conname = %s
"""
DROP_CONSTRAINT = "ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}"
ADD_CONSTRAINT = "ALTER TABLE {table} ADD CONSTRAINT {name} {definition} NOT VALID"
ADD_VALID_CONSTRAINT = "ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"
AS_REMEMBERED_BEFORE = "SET LOCAL search_path = public"
IS_PARTITIONED = """
SELECT relkind = 'p' FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname = %s
"""
VALIDATE_CONSTRAINT = "ALTER TABLE {table} VALIDATE CONSTRAINT {name}"

# -- owners and the fence ------------------------------------------------------------------------------

OWNERSHIP = "SELECT host, owner, epoch FROM strangler.ownership WHERE domain = %s"
OWN = """
INSERT INTO strangler.ownership (domain, host, owner, epoch) VALUES (%s, %s, %s, %s)
ON CONFLICT (domain) DO NOTHING
"""
FLIP = """
UPDATE strangler.ownership SET owner = %s, epoch = %s, changed_at = now() WHERE domain = %s AND epoch < %s
"""
DISOWN = "DELETE FROM strangler.ownership WHERE domain = %s"
OTHERS_LEFT = "SELECT 1 FROM strangler.ownership LIMIT 1"
DROP_SCHEMA = "DROP SCHEMA IF EXISTS strangler CASCADE"
TRIGGERS = """
SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE t.tgname = 'strangler_fence' AND c.relname = ANY(%s)
"""
LOCK_IN_TRANSACTION = "SELECT pg_advisory_xact_lock(%s, hashtext(%s))"
LOCK = "SELECT pg_advisory_lock(%s, hashtext(%s))"
UNLOCK = "SELECT pg_advisory_unlock(%s, hashtext(%s))"

# -- positions in the write-ahead log ------------------------------------------------------------------

POSITION = "SELECT pg_current_wal_insert_lsn()"
NUDGE = "SELECT pg_logical_emit_message(true, 'strangler', '')"
CONFIRMED = """
SELECT confirmed_flush_lsn >= %s::pg_lsn FROM pg_replication_slots
WHERE slot_name = %s AND database = current_database()
"""
LAG = """
SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint
FROM pg_replication_slots WHERE slot_name = %s AND database = current_database()
"""

# -- publications, slots, subscriptions ----------------------------------------------------------------

PUBLISHED = """
SELECT array_remove(array_agg(c.relname::text), NULL) AS tables
FROM pg_publication p
LEFT JOIN pg_publication_rel r ON r.prpubid = p.oid
LEFT JOIN pg_class c ON c.oid = r.prrelid
WHERE p.pubname = %s GROUP BY p.oid
"""
PUBLISH = "CREATE PUBLICATION {name} FOR TABLE {tables}"
PUBLISH_CLAIMS = (
    "CREATE PUBLICATION {name} FOR TABLE {table} WHERE (domain = {domain}) WITH (publish = 'insert')"
)
UNPUBLISH = "DROP PUBLICATION IF EXISTS {name}"

SLOT = """
SELECT coalesce(wal_status, '') AS wal_status
FROM pg_replication_slots WHERE slot_name = %s AND database = current_database()
"""
SLOT_ELSEWHERE = """
SELECT database FROM pg_replication_slots
WHERE slot_name = %s AND database IS DISTINCT FROM current_database()
"""
EXPORT_SLOT = "CREATE_REPLICATION_SLOT \"{name}\" LOGICAL pgoutput (SNAPSHOT 'export')"
CREATE_SLOT = "SELECT pg_create_logical_replication_slot(%s, 'pgoutput')"
DROP_SLOT = """
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
WHERE slot_name = %s AND database = current_database()
"""
ADVANCE_SLOT = "SELECT pg_replication_slot_advance(%s, pg_current_wal_lsn())"
END_SENDER = """
SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots
WHERE slot_name = %s AND database = current_database()
"""

SUBSCRIPTION = """
SELECT s.oid, s.subenabled AS enabled, s.subslotname AS slot,
       EXISTS (SELECT 1 FROM pg_stat_subscription w WHERE w.subid = s.oid AND w.pid IS NOT NULL) AS running,
       coalesce((SELECT e.apply_error_count FROM pg_stat_subscription_stats e WHERE e.subid = s.oid), 0)
           AS errors
FROM pg_subscription s
WHERE s.subname = %s AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
SUBSCRIBE = """
CREATE SUBSCRIPTION {name} CONNECTION {address} PUBLICATION {publications}
WITH (create_slot = false, copy_data = false, enabled = false, slot_name = {slot}{origin})
"""
ENABLE = "ALTER SUBSCRIPTION {name} ENABLE"
DISABLE = "ALTER SUBSCRIPTION {name} DISABLE"
DETACH = "ALTER SUBSCRIPTION {name} SET (slot_name = NONE)"
UNSUBSCRIBE = "DROP SUBSCRIPTION {name}"

CREATE_ROLE = "CREATE ROLE {name} LOGIN REPLICATION PASSWORD {password}"
CHANGE_PASSWORD = "ALTER ROLE {name} LOGIN REPLICATION PASSWORD {password}"  # noqa: S105 - no password
CONNECTS_HERE = """
SELECT 1 FROM pg_database d CROSS JOIN LATERAL aclexplode(d.datacl) a JOIN pg_roles r ON r.oid = a.grantee
WHERE d.datname = current_database() AND r.rolname = %s
"""
MAY_CONNECT = "GRANT CONNECT ON DATABASE {database} TO {name}"
MAY_NOT_CONNECT = "REVOKE CONNECT ON DATABASE {database} FROM {name}"
DROP_ROLE = "DROP ROLE IF EXISTS {name}"

# -- the copy ------------------------------------------------------------------------------------------

AS_REPLICA = "SET session_replication_role = replica"
MAY_BE_LOST = "SET synchronous_commit = off"
IMPORT_SNAPSHOT = "SET TRANSACTION SNAPSHOT {snapshot}"
PAGES = """
SELECT relname AS "table", greatest(reltuples, 0)::bigint AS rows,
       pg_relation_size(oid) / current_setting('block_size')::int AS pages
FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname = ANY(%s)
"""
COPY_OUT = "COPY (SELECT {columns} FROM {table} WHERE {condition}) TO STDOUT (FORMAT binary)"
COPY_IN = "COPY {table} ({columns}) FROM STDIN (FORMAT binary)"
OWN_CLAIMS = "domain = {domain}"
BETWEEN_PAGES = "ctid >= {first} AND ctid < {last}"
FROM_PAGE = "ctid >= {first}"
EMPTY_LOCK_TIMEOUT = "SET lock_timeout = '5s'"
EMPTY_IDLE_TIMEOUT = "SET idle_in_transaction_session_timeout = '3s'"
EMPTY = "TRUNCATE {tables}"
EMPTY_ONE = "DELETE FROM {table}"
EMPTY_CLAIMS = "DELETE FROM {table} WHERE domain = {domain}"
ANALYZE = "ANALYZE {table}"

# -- what the target's tables hold before it -----------------------------------------------------------

COPIES = """
CREATE TABLE IF NOT EXISTS strangler.copies (domain text, "table" text, PRIMARY KEY (domain, "table"))
"""
COPIES_EXIST = "SELECT to_regclass('strangler.copies') IS NOT NULL"
COPIES_OF = 'SELECT "table" FROM strangler.copies WHERE domain = %s'
MARK_COPIES = "INSERT INTO strangler.copies SELECT %s, unnest(%s::text[]) ON CONFLICT DO NOTHING"
ANY_ROW = "SELECT 1 FROM {table} LIMIT 1"
ROWS = "SELECT count(*) AS number FROM {table}"
FOUND_KEYS = "CREATE TEMP TABLE found (key text) ON COMMIT DROP"
SEND_KEYS = "COPY (SELECT ROW({key})::text FROM {table}) TO STDOUT"
TAKE_KEYS = "COPY pg_temp.found FROM STDIN"
UNKNOWN_KEYS = """
SELECT count(*) AS number FROM (TABLE pg_temp.found EXCEPT SELECT ROW({key})::text FROM {table}) unknown
"""

# -- sequences -----------------------------------------------------------------------------------------

SEQUENCES = """
SELECT t.relname AS "table", a.attname AS "column", s.oid, n.nspname AS schema, s.relname AS sequence,
       q.seqincrement AS step, q.seqmin AS least, q.seqmax AS most
FROM pg_class s
JOIN pg_namespace n ON n.oid = s.relnamespace
JOIN pg_depend d ON d.objid = s.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
JOIN pg_class t ON t.oid = d.refobjid
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
JOIN pg_sequence q ON q.seqrelid = s.oid
WHERE s.relkind = 'S' AND t.relnamespace = 'public'::regnamespace AND t.relname = ANY(%s)
ORDER BY t.relname, a.attname
"""
STRAY_SEQUENCES = """
SELECT t.relname AS "table", a.attname AS "column", pg_get_expr(d.adbin, d.adrelid) AS "default",
       quote_ident(t.relname) || '.' || quote_ident(a.attname) AS quoted
FROM pg_attrdef d
JOIN pg_class t ON t.oid = d.adrelid
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.adnum
WHERE t.relnamespace = 'public'::regnamespace AND t.relname = ANY(%s)
  AND pg_get_expr(d.adbin, d.adrelid) LIKE '%%nextval(%%'
  AND NOT EXISTS (
      SELECT 1 FROM pg_depend uses
      JOIN pg_depend owned ON owned.classid = uses.refclassid AND owned.objid = uses.refobjid
      WHERE uses.classid = 'pg_attrdef'::regclass AND uses.objid = d.oid
        AND uses.refclassid = 'pg_class'::regclass
        AND owned.deptype = 'a' AND owned.refobjid = t.oid AND owned.refobjsubid = a.attnum
  )
ORDER BY t.relname, a.attname
"""
SEQUENCE_POSITION = "SELECT {number} AS oid, last_value AS last, is_called AS called FROM {sequence}"
MOVE_PAST = """
SELECT setval(oid::regclass, number, false) FROM unnest(%s::oid[], %s::bigint[]) AS wanted(oid, number)
"""

# -- comparing both sides ------------------------------------------------------------------------------

ROWS_HASH = """
SELECT count(*) AS rows,
       coalesce(sum(('x' || substr(md5({row}), 1, 15))::bit(60)::bigint::numeric), 0)::text AS hash
FROM {table} WHERE {condition}
"""
ROWS_HASHES = "SELECT {key} AS key, md5({row}) AS hash FROM {table} WHERE {condition}"
KEY_BOUNDS = """
SELECT concat((array_agg(key ORDER BY key))[1]) AS first FROM (
    SELECT {key} AS key, (row_number() OVER (ORDER BY {key}) - 1) / {size} AS part FROM {table}
) parts GROUP BY part ORDER BY part
"""
FROM_BOUND = "{key} >= {bound}"
BELOW_BOUND = "{key} < {bound}"
SEE = "SELECT pg_current_snapshot()"
IN_MEMORY = "SET LOCAL enable_sort = off"
PART = 'left(md5({key}), 3) COLLATE "C"'
PARTS_HASHES = """
SELECT {part} AS part, count(*) AS rows,
       sum(('x' || substr(md5({row}), 1, 15))::bit(60)::bigint::numeric)::text AS hash
FROM {table} GROUP BY 1
"""
ROWS_OF_PARTS = """
SELECT {part} AS part, ARRAY[{key}] AS key, md5({row}) AS hash
FROM {table} WHERE {part} = ANY({parts}) ORDER BY 1
"""
AS_TEXT = "concat({column})"
KEY_IS_ONE_OF = "({key}) IN ({keys})"
COUNTERS = """
SELECT method, compared, matched, mismatched, stale, failed, last_mismatch
FROM strangler.shadow WHERE domain = %s ORDER BY method
"""
CLEAR_COUNTERS = "DELETE FROM strangler.shadow WHERE domain = %s"
KEYS = "SELECT {column} FROM {table} ORDER BY {column}"

# -- before a host is ended ----------------------------------------------------------------------------

UNPUBLISHED = "SELECT count(*) FROM public.events_outbox WHERE published_at IS NULL"

# -- after the point of no return ----------------------------------------------------------------------

FORGET_MIGRATIONS = "DELETE FROM public.django_migrations WHERE app = %s"
DROP_TABLES = "DROP TABLE IF EXISTS {tables}"
DEPENDENTS = """
WITH RECURSIVE own AS (
    SELECT 'pg_class'::regclass::oid AS class, oid AS object FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relname = ANY(%s)
    UNION
    -- What goes with it by itself: indexes, constraints, types, sequences, triggers.
    SELECT d.classid, d.objid FROM pg_depend d JOIN own ON (d.refclassid, d.refobjid) = (class, object)
    WHERE d.deptype IN ('a', 'i', 'P', 'S')
), dependent AS (
    -- A view depends by its rule, which is a part of it.
    SELECT CASE WHEN r.oid IS NULL THEN d.classid ELSE 'pg_class'::regclass END AS class,
           coalesce(r.ev_class, d.objid) AS object
    FROM pg_depend d JOIN own ON (d.refclassid, d.refobjid) = (class, object)
    LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
    WHERE d.deptype = 'n'
    EXCEPT SELECT class, object FROM own
)
SELECT pg_describe_object(class, object, 0) AS what, class = 'pg_constraint'::regclass AS "constraint"
FROM dependent ORDER BY what
"""
