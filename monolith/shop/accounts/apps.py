from strangler.chassis.domains import DomainConfig


class AccountsConfig(DomainConfig):
    name = "shop.accounts"
    label = "accounts"
    contract = "contracts.accounts"
