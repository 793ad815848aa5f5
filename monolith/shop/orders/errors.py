"""Why a checkout does not become an order, besides what other domains' contracts declare."""

from strangler.chassis.errors import ContractError


class EmptyCart(ContractError):
    """There is nothing in the cart."""

    code = "empty_cart"
    status = 409


class ProductUnavailable(ContractError):
    """A product in the cart is no longer sold."""

    code = "product_unavailable"
    status = 409
    products: list[int]

    def details(self) -> list[tuple[str, str | None]]:
        return [(self.message, f"lines.{product}") for product in self.products]


class IdempotencyKeyReused(ContractError):
    """This Idempotency-Key was used with another body."""

    code = "idempotency_key_reused"
    status = 422
