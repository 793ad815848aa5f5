from strangler.chassis.domains import DomainConfig


class OrdersConfig(DomainConfig):
    name = "shop.orders"
    label = "orders"
    contract = "contracts.orders"
