"""What is remembered of a stack from one command to the next, in its run directory."""

from pathlib import Path
from typing import TypeVar

import msgspec

Kept = TypeVar("Kept")


class State(msgspec.Struct):
    """The running stack, in `state.json`; there is none while nothing runs."""

    stage: int
    port_base: int


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
        return _read(self._state, State)

    @property
    def data(self) -> Data | None:
        return _read(self._data, Data)

    def running(self, stage: int, port_base: int) -> None:
        """This stage runs; its data is here from now on."""
        self._state.write_bytes(msgspec.json.encode(State(stage=stage, port_base=port_base)))
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
        self._data.write_bytes(msgspec.json.encode(data))


def _read(path: Path, kind: type[Kept]) -> Kept | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
