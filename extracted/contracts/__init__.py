"""What each domain promises the others: one module a domain, with its port, DTOs, errors and events."""
