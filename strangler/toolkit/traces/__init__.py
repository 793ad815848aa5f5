"""A small trace backend: receives OTLP over HTTP, keeps spans in SQLite, shows waterfalls."""
