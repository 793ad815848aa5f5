"""What the command shows while it works: a line an effect, a bar for the copy; on standard error, so that a
script reads JSON from standard output."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from strangler.toolkit.replication.backfill import Copied


class Screen:
    """`quiet`: nothing but errors."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.console = Console(stderr=True, highlight=False, soft_wrap=True, quiet=quiet)

    def title(self, text: str) -> None:
        """A new phase."""
        self.console.print(f"[bold]{escape(text)}[/]")

    def say(self, text: str) -> None:
        """One thing that is done now."""
        self.console.print(f"  [dim]{escape(text)}[/]")

    def service(self, name: str, state: str) -> None:
        """A service of the native stack has changed its state."""
        if state in ("ready", "done", "stopped"):
            self.say(f"{name} {state}")

    def note(self, text: str) -> None:
        """Something worth knowing."""
        self.console.print(f"  {escape(text)}")

    @contextmanager
    def copying(self) -> Iterator[Callable[[Copied], None]]:
        """A bar: rows, rows a second, how long it will take."""
        bar = Progress(
            TextColumn("  {task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
        )
        with bar:
            task = bar.add_task("copy", total=None, figures="")

            def watch(copied: Copied) -> None:
                figures = f"{copied.rows:,} rows, {copied.rate:,.0f}/s"
                total = max(copied.expected, copied.rows)
                bar.update(task, total=total, completed=copied.rows, figures=figures)

            yield watch
