"""The world outside the shop: a payment service provider and a mail server, as processes of their own."""
