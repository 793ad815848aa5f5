"""The gateway: Traefik's static configuration, its middlewares, and the pages it answers by itself."""
