"""What is remembered of a stack from one command to the next, in its run directory."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from strangler.toolkit.stack.errors import DiskUnusable, StackError

Kept = TypeVar("Kept")


class State(msgspec.Struct):
    """The running stack, in `state.json`; there is none while nothing runs. `given`: the variables of the
    compose file that it was started with, beside .env and secrets."""

    stage: int
    port_base: int
    given: dict[str, str] = {}


class Data(msgspec.Struct):
    """Of which stage the data is, in `data.json`, which goes when the data goes. `begun`: the later stage
    whose services run beside those of this one, because a step to it is under way."""

    stage: int
    begun: int | None = None


class Memory:
    """The two files of a run directory."""

    def __init__(self, run: Path) -> None:
        self._state, self._data = run / "state.json", run / "data.json"

    @property
    def state(self) -> State | None:
        try:
            return _read(self._state, State)
        except msgspec.DecodeError:  # it was cut off; the next start writes it anew
            return None

    @property
    def data(self) -> Data | None:
        """Raises StackError if the file does not say it."""
        try:
            return _read(self._data, Data)
        except msgspec.DecodeError as error:
            raise StackError(
                f"{self._data} does not say of which stage the data is: {error}. Write it there, as in "
                '{"stage": 1}, or forget the data: `./run down --purge`.'
            ) from error

    def running(self, stage: int, port_base: int, given: Mapping[str, str] = {}) -> None:
        """This stage runs; its data is here from now on."""
        keep(self._state, msgspec.json.encode(State(stage=stage, port_base=port_base, given={**given})))
        data = self.data
        if data is None or data.stage != stage:
            self._write(Data(stage=stage))

    def begun(self, stage: int | None) -> None:
        """A step to this stage is under way, or none is any more."""
        data = self.data
        if data is not None:
            self._write(Data(stage=data.stage, begun=stage))

    def stopped(self) -> None:
        """Nothing runs; the data stays."""
        self._state.unlink(missing_ok=True)

    def _write(self, data: Data) -> None:
        keep(self._data, msgspec.json.encode(data))


def keep(path: Path, content: bytes) -> None:
    """Replace the file, whole or not at all; its owner alone can read it. Raises DiskUnusable."""
    new = path.with_name(f"{path.name}.new")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        raise DiskUnusable(
            f"{path} cannot be written: {error.strerror}. It is as it was; free some space and try again."
        ) from error


def _read(path: Path, kind: type[Kept]) -> Kept | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
