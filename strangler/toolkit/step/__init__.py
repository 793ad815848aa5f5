"""The step: a domain's way from one host to the next, phase by phase, and back."""
