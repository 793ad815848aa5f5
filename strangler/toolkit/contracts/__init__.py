"""Contracts as JSON Schemas: what they promise, kept beside them, and whether a change keeps the promise."""
