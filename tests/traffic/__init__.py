"""Steady mixed traffic, as customers and staff would cause it, and a journal of what they were told."""
