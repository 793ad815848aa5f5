"""Ownership: whose database holds a domain's truth now, and the fence that lets nobody else write to it."""
