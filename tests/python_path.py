"""Where the programs of tests find what tests find: at each stage, domains are where they then belong."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON_PATH = os.pathsep.join([str(ROOT), *(path for path in sys.path if path)])
