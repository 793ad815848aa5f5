"""The commands that plan, run, compare and move: `./run strangler --help`."""
