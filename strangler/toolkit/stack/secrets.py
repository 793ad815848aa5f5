"""Passwords and keys of a native stack: drawn once, kept readable for its owner only."""

from cryptography.fernet import Fernet

from strangler.toolkit.stack.compose import read_env
from strangler.toolkit.stack.memory import keep
from strangler.toolkit.stack.program import Layout

ENDINGS = ("_PASSWORD", "_KEY")


def drawn(layout: Layout, defaults: dict[str, str]) -> dict[str, str]:
    """A random value for every variable of .env whose name says that it is a secret."""
    path = layout.run / "secrets.env"
    known = read_env(path)
    missing = [name for name in defaults if name.endswith(ENDINGS) and name not in known]
    if missing:
        known.update({name: Fernet.generate_key().decode() for name in missing})
        layout.run.mkdir(parents=True, exist_ok=True)
        keep(path, "".join(f"{name}={value}\n" for name, value in known.items()).encode())
    return known
