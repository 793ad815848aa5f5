"""Payments: charges and refunds at the payment service provider (PSP)."""
