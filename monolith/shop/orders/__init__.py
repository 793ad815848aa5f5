"""Orders: carts, checkout and what became of it."""
