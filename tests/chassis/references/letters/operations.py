"""Letters are looked at only."""
