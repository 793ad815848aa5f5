"""A domain's rows from one PostgreSQL database to another: copied, followed, handed over under a fence."""
