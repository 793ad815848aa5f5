"""A compose service as a process of this machine."""

import os
import pwd
import shutil
import stat
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import msgspec

from strangler.toolkit.stack.addresses import HOST, Addresses
from strangler.toolkit.stack.compose import Service
from strangler.toolkit.stack.errors import DiskUnusable, StackError

# Every process of a stack carries this variable, so that none can be overlooked when cleaning up.
MARKER = "STRANGLER_RUN_DIR"
KEEPER = "edge.sock"
"""Where the keeper of shared sockets answers, among a layout's `sockets`."""


class Program(msgspec.Struct):
    """What supervisord needs to run it. `ready` is a URL or `tcp://host:port`, or empty."""

    name: str
    command: list[str]
    environment: dict[str, str]
    ready: str = ""
    stop_seconds: float = 10.0
    stop_signal: str = "TERM"


class Layout(msgspec.Struct):
    """Where a stack keeps its things. `root`: the checkout. `run`: everything that running makes."""

    root: Path
    run: Path

    @property
    def logs(self) -> Path:
        return self.run / "logs"

    def volume(self, name: str) -> Path:
        return self.run / "volumes" / name

    @property
    def sockets(self) -> Path:
        """A Unix socket's path is limited to some 100 bytes: a deep checkout keeps its sockets in /tmp."""
        if len(str(self.run)) < 80:
            return self.run
        return Path("/tmp") / f"strangler-{sha256(str(self.run).encode()).hexdigest()[:12]}"  # noqa: S108

    def prepare(self) -> None:
        """Make the directories for logs and sockets; raises DiskUnusable if nothing can be written there,
        StackError if somebody else has made that for sockets."""
        try:
            self.logs.mkdir(parents=True, exist_ok=True)
            self._own_sockets()
            trial = self.run / "trial"
            trial.write_bytes(b"\0" * 1_000_000)
            trial.unlink()
        except OSError as error:
            raise DiskUnusable(
                f"{self.run} cannot be written: {error.strerror}. Free some space, or name another place: "
                "RUN_DIR=/elsewhere ./run up"
            ) from error

    def _own_sockets(self) -> None:
        """In /tmp anybody may have made it, or a link, where it can be foreseen."""
        if self.sockets == self.run:
            return
        with suppress(FileExistsError):
            self.sockets.mkdir(mode=0o700)
        found = self.sockets.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise StackError(
                f"{self.sockets}, where sockets of {self.run} would be, is no folder of yours. Delete it, "
                "or name a shorter place: RUN_DIR=/elsewhere ./run up"
            )

    def base_environment(self) -> dict[str, str]:
        python = Path(sys.executable).parent
        kept = {name: os.environ[name] for name in ("LANG", "TZ", "SSL_CERT_FILE") if name in os.environ}
        extracted = self.root / "extracted"
        # An extracted host's own folder holds its domain once its package has moved there.
        hosts = sorted(path.parent for path in extracted.glob("*/pyproject.toml"))
        paths = [self.root, extracted, self.root / "monolith", *hosts]
        return {
            **kept,
            "PATH": f"{python}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.run),
            "PYTHONPATH": ":".join(map(str, paths)),
            "PYTHONUNBUFFERED": "1",
            "OTEL_PYTHON_LOG_CORRELATION": "false",
            MARKER: str(self.run),
        }


def find(program: str, *places: str) -> str:
    """The path of a binary; the error says which package brings it."""
    path = shutil.which(
        program, path=":".join([*places, str(Path(sys.executable).parent), os.environ["PATH"]])
    )
    if path is None:
        raise StackError(f"{program} is not installed. `./run up` as root on Debian installs it.")
    return path


def as_user(name: str, layout: Layout, command: list[str]) -> list[str]:
    """The command run as a system user, where we are root; otherwise as it is.

    Where the checkout is private, the process keeps the right to pass through directories and to read, and
    nothing else of root's.
    """
    if os.geteuid() != 0:
        return command
    user = _account(name)
    become = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--init-groups"]
    if is_private(layout):
        become += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    return [*become, *command]


def is_private(layout: Layout) -> bool:
    """Whether the checkout lies in a folder that other users cannot pass through: below /root, say."""
    return any(not folder.stat().st_mode & 0o001 for folder in [layout.run, *layout.run.parents])


def own(path: Path, user: str) -> Path:
    """A directory that belongs to a system user, with all that is in it, where we are root."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.geteuid() == 0:
        account = _account(user)
        if path.stat().st_uid != account.pw_uid:
            for each in (*path.rglob("*"), path):  # itself last: an interrupted change is done again
                os.chown(each, account.pw_uid, account.pw_gid, follow_symlinks=False)
    return path


def _account(name: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise StackError(
            f"there is no account {name!r} here, as which its server runs. `./run up` as root on Debian "
            "installs both."
        ) from None


def built(service: Service, layout: Layout, addresses: Addresses) -> Program:
    """A service of our own code: its command, run by this checkout's Python."""
    places = {target: str(layout.volume(source)) for target, source in service.mounts.items()}
    for target in places.values():
        Path(target).mkdir(parents=True, exist_ok=True)

    def here(text: str) -> str:
        for target, place in places.items():
            text = text.replace(target, place)
        return addresses.localise(text)

    command = [here(part) for part in service.command]
    return Program(
        name=service.name,
        command=[find(command[0]), *command[1:]],
        environment={
            **layout.base_environment(),
            **{name: here(value) for name, value in service.environment.items()},
        },
        ready=addresses.localise(service.ready_url),
        stop_seconds=service.stop_seconds,
    )


def sharing_sockets(program: Program, service: Service, layout: Layout, port_base: int) -> Program:
    """The program, started through `sockets listen` so that it takes its shared socket."""
    for name, offset in service.native.listen.items():
        wrapper = [sys.executable, "-m", "strangler.toolkit.stack.sockets", "listen"]
        if service.native.holds:
            wrapper += ["--until", program.ready]
        address = f"{HOST}:{port_base + offset}"
        program.command = [*wrapper, str(layout.sockets / KEEPER), address, name, *program.command]
    return program


def keeper(layout: Layout) -> Program:
    """The process that holds the edge's listening sockets while those who serve them come and go."""
    path = layout.sockets / KEEPER
    return Program(
        name="edge-sockets",
        command=[sys.executable, "-m", "strangler.toolkit.stack.sockets", "keep", str(path)],
        environment=layout.base_environment(),
        ready=f"unix://{path}",
    )
