"""Logs as JSON lines on standard error, each with the id of the trace that it belongs to."""

import logging
import sys
import time

import msgspec

from strangler.chassis.config import Settings, live


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, trace_id, and the exception if there is one."""

    def __init__(self, service: str, process: str) -> None:
        super().__init__()
        self.constant = {"service": service, "process": process}

    def format(self, record: logging.LogRecord) -> str:
        from strangler.chassis.tracing import trace_id

        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            **self.constant,
            "logger": record.name,
            "message": record.getMessage(),
            "trace_id": getattr(record, "trace_id", "") or trace_id(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


def configure() -> None:
    """Send every logger's lines to standard error as JSON; the level follows the settings."""
    settings = live().value
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(settings.service, settings.process))
    root = logging.getLogger()
    root.handlers = [handler]
    _set_level(settings)
    live().listeners.append(_set_level)


def _set_level(settings: Settings) -> None:
    logging.getLogger().setLevel(settings.log_level)
    for chatty in ("urllib3", "kombu", "amqp"):
        logging.getLogger(chatty).setLevel("WARNING")
