"""The events that a host could not work on: look at them, send them again, forget them."""
