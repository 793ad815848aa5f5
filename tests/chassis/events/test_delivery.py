"""Events between two hosts."""

from tests.chassis.events.hosts import Host
from tests.ports import wait_for


def test_event_of_one_host_has_its_effect_on_another(maker: Host, keeper: Host) -> None:
    keeper.worker()
    relay = maker.relay()
    maker.make("ada 1 keep", "eve 1 keep", "ada 2 keep", "ada 3 keep packed")
    wait_for(lambda: len(keeper.kept()) == 4)
    assert keeper.kept("ada") == [("ada", 1), ("ada", 2), ("ada", 3)]
    wait_for(lambda: keeper.number("SELECT count(*) FROM events_received WHERE delivered_at IS NULL") == 0)
    wait_for(lambda: maker.number("SELECT count(*) FROM events_outbox WHERE published_at IS NULL") == 0)
    assert relay.stop() == 0
