"""Who has borrowed what."""
