"""The fence's half in the database: a schema `strangler` in each host's database while a domain is moving.

The toolkit creates it when a step begins. A trigger on each of a moving domain's tables takes a *shared*
advisory lock that lasts for the transaction, and reads under it whether this database owns the domain: so a
cutover, which takes the same lock exclusively, waits for the writers under way, and those that waited for it
find the domain moved and are told where to, whatever code they run. What replication applies fires no
triggers.

A refusal has the SQLSTATE `MOVED` and says in its detail, as JSON, who owns the domain since which epoch.
"""

MOVED = "DM001"
LOCK_CLASS = 1937011313
"""The first of the advisory lock's two keys; the second is `hashtext(domain)`."""

SCHEMA = f"""
CREATE SCHEMA IF NOT EXISTS strangler;

CREATE TABLE IF NOT EXISTS strangler.ownership (
    domain text PRIMARY KEY,
    host text NOT NULL,
    owner text NOT NULL,
    epoch bigint NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN strangler.ownership.host IS 'the host whose database this is';

CREATE TABLE IF NOT EXISTS strangler.shadow (
    domain text, method text,
    compared bigint NOT NULL DEFAULT 0, matched bigint NOT NULL DEFAULT 0,
    mismatched bigint NOT NULL DEFAULT 0, stale bigint NOT NULL DEFAULT 0, failed bigint NOT NULL DEFAULT 0,
    last_mismatch text NOT NULL DEFAULT '',
    PRIMARY KEY (domain, method)
);

-- Take the domain's lock for this transaction and raise unless this database owns the domain.
CREATE OR REPLACE FUNCTION strangler.hold(wanted text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE entry strangler.ownership;
BEGIN
    PERFORM pg_advisory_xact_lock_shared({LOCK_CLASS}, hashtext(wanted));
    IF current_setting('transaction_isolation') = 'read committed' THEN
        SELECT * INTO entry FROM strangler.ownership WHERE domain = wanted;
    ELSE
        -- Its snapshot may be older than a cutover; a row that is locked is refused if it is (40001).
        SELECT * INTO entry FROM strangler.ownership WHERE domain = wanted FOR SHARE;
    END IF;
    IF entry.owner <> entry.host THEN
        RAISE EXCEPTION USING ERRCODE = '{MOVED}',
            MESSAGE = format('%s belongs to %s', wanted, entry.owner),
            DETAIL = json_build_object('domain', wanted, 'owner', entry.owner, 'epoch', entry.epoch),
            HINT = format('Nothing was changed. Run this at the host %s.', entry.owner);
    END IF;
END $$;

CREATE OR REPLACE FUNCTION strangler.fence() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM strangler.hold(TG_ARGV[0]);
    RETURN NULL;
END $$;

-- Take over what the former owner says that it has handed over: its word goes before the command's, which
-- may have been killed between the two.
CREATE OR REPLACE FUNCTION strangler.adopt(wanted text, since bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE strangler.ownership SET owner = host, epoch = since, changed_at = now()
    WHERE domain = wanted AND epoch = since - 1;
    RETURN FOUND;
END $$;
"""  # noqa: S608 - constants of this module

GRANTS = (
    "GRANT USAGE ON SCHEMA strangler TO {role}",
    "GRANT SELECT ON strangler.ownership TO {role}",
    "GRANT SELECT, INSERT, UPDATE ON strangler.shadow TO {role}",
)
"""For the host's own role; `{role}` is a quoted identifier."""

FENCE = (
    "CREATE OR REPLACE TRIGGER strangler_fence BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
    "FOR EACH STATEMENT EXECUTE FUNCTION strangler.fence({domain})"
)
UNFENCE = "DROP TRIGGER IF EXISTS strangler_fence ON {table}"
