from strangler.chassis.domains import DomainConfig


class InventoryConfig(DomainConfig):
    name = "shop.inventory"
    label = "inventory"
    contract = "contracts.inventory"
