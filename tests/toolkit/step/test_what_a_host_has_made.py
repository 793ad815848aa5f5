"""A host owns its database, where a step works as superuser: what its role has made gains it nothing."""

from strangler.chassis.ownership.schema import SCHEMA
from tests.toolkit.step.world import HOSTS, World

GREEDY = "DO 'BEGIN ALTER ROLE {host} SUPERUSER; EXCEPTION WHEN insufficient_privilege THEN NULL; END'"
FUNCTIONS = """
CREATE FUNCTION public.quote_ident(name) RETURNS text LANGUAGE plpgsql AS $$
BEGIN {greedy}; RETURN pg_catalog.quote_ident($1::text); END $$;
CREATE FUNCTION public.to_jsonb(pg_catalog.pg_database) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN {greedy}; RETURN pg_catalog.to_jsonb($1); END $$;
CREATE FUNCTION public.array_agg_more(name[], name) RETURNS name[] LANGUAGE plpgsql AS $$
BEGIN {greedy}; RETURN pg_catalog.array_append($1, $2); END $$;
CREATE AGGREGATE public.array_agg(name) (SFUNC = public.array_agg_more, STYPE = name[]);
"""
PLANTED = """
CREATE TABLE strangler.constraints (
    domain text, "table" text, name text, definition text NOT NULL, PRIMARY KEY (domain, "table", name)
);
INSERT INTO strangler.constraints VALUES ('books', 'lending_loan', 'planted',
    'CHECK (true); ALTER ROLE {host} SUPERUSER; ALTER TABLE lending_loan ADD CONSTRAINT other CHECK (true)');
"""
SUPERUSERS = "SELECT rolname FROM pg_roles WHERE rolsuper AND rolname = ANY(%s)"


def plant(world: World, host: str, what: str) -> None:
    with world.connect(host, user=host) as connection:
        connection.execute(what.format(greedy=GREEDY.format(host=host), host=host))


def superusers(world: World) -> list[str]:
    return [row["rolname"] for row in world.rows("postgres", SUPERUSERS, [[*HOSTS]])]


def test_functions_named_as_postgresqls_are_not_called(world: World) -> None:
    """Though they fit better what they would be called with."""
    for host in HOSTS:
        plant(world, host, FUNCTIONS)
    world.seed(20)
    world.migrate()
    world.strangler("verify")
    world.strangler("rollback", "--abort")
    assert superusers(world) == []


def test_schema_of_a_hosts_own_making_is_not_gone_by(world: World) -> None:
    """A foreign key that was remembered is carried out when it is put back."""
    plant(world, "library", SCHEMA + PLANTED)
    world.seed(20)
    refused = [
        world.migrate("--until", "expand", status=None).said,
        world.strangler("rollback", status=None).said,
    ]
    assert superusers(world) == []
    assert (
        "The schema strangler in the database library, or something in it, belongs to library" in refused[0]
    )
    plant(world, "library", "DROP SCHEMA strangler CASCADE")
    world.migrate("--until", "expand")
    world.strangler("rollback")
    assert world.leftovers() == []
