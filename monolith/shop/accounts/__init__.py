"""Accounts: who the customers are, how they log in, where they live."""
