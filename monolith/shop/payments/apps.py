from strangler.chassis.domains import DomainConfig


class PaymentsConfig(DomainConfig):
    name = "shop.payments"
    label = "payments"
    contract = "contracts.payments"
