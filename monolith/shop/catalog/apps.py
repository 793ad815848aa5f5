from strangler.chassis.domains import DomainConfig


class CatalogConfig(DomainConfig):
    name = "shop.catalog"
    label = "catalog"
    contract = "contracts.catalog"
