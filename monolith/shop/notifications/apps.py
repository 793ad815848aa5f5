from strangler.chassis.domains import DomainConfig


class NotificationsConfig(DomainConfig):
    name = "shop.notifications"
    label = "notifications"
    contract = "contracts.notifications"
