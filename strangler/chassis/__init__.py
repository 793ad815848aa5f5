"""What every host runs on: ports, references, events, configuration, discovery, tracing, health."""
