"""Holding a domain and claiming an event for its handler, in one question to the database."""

from django.db import migrations

CREATE = """
CREATE FUNCTION events_claim(event uuid, handler text, domain text) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF to_regclass('strangler.ownership') IS NOT NULL THEN
        PERFORM strangler.hold(domain);
    END IF;
    INSERT INTO events_inbox (event_id, handler, domain, handled_at) VALUES ($1, $2, $3, now())
    ON CONFLICT ON CONSTRAINT events_inbox_pkey DO NOTHING;
    RETURN FOUND;
END $$;
COMMENT ON FUNCTION events_claim IS
    'false: handled already. Raises DM001 where the domain is not owned here; see strangler.hold.';
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial")]

    operations = [migrations.RunSQL(CREATE, "DROP FUNCTION events_claim(uuid, text, text)")]
