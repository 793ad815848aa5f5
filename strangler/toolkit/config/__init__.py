"""Settings in Consul: read, change, look back, go back."""
