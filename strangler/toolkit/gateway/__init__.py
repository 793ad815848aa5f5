"""Routes and middlewares in Consul, from the plan."""
