"""Django's PostgreSQL engine for hosts that outlive their server: `ENGINE = "strangler.chassis.postgres"`."""
