"""A RabbitMQ of our own for tests: on ports of its own, its files thrown away at the end."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from strangler.toolkit.stack.readiness import is_ready
from tests.ports import free_port, wait_for

HOST = "127.0.0.1"
START_SECONDS = 60.0
PLACES = [Path("/usr/lib/rabbitmq/bin"), Path("/usr/sbin"), Path("/usr/local/sbin")]
# One scheduler, and none that waits busily.
ERLANG = "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}"


class RabbitMQ:
    """`start()` gives its URL; `kill()` is a crash, after which `start()` brings it back as it was."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="test-rabbitmq-"))
        self.user = "rabbitmq" if os.geteuid() == 0 else None
        self.port, self.distribution, self.mapper = free_port(), free_port(), free_port()
        self.url = f"amqp://guest:guest@{HOST}:{self.port}//"
        self.process: subprocess.Popen[bytes] | None = None
        (self.directory / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = {HOST}:{self.port}\n"
            "log.console = true\nlog.console.level = warning\nlog.file = false\n"
            "vm_memory_high_watermark.absolute = 256MB\ndisk_free_limit.absolute = 50MB\n"
        )
        (self.directory / "enabled_plugins").write_text("[].\n")
        for path in (self.directory, *self.directory.iterdir()):
            if self.user:
                shutil.chown(path, self.user, self.user)

    def start(self) -> str:
        """Start it, and return once it takes connections."""
        program = next((str(p / "rabbitmq-server") for p in PLACES if (p / "rabbitmq-server").exists()), "")
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [program or "rabbitmq-server"],
                env=self._environment(),
                stdout=log,
                stderr=log,
                cwd=self.directory,
                user=self.user,
                group=self.user,
                extra_groups=[] if self.user else None,
                start_new_session=True,
            )
        wait_for(self.answers, seconds=START_SECONDS)
        return self.url

    def answers(self) -> bool:
        """Whether it takes connections now."""
        assert self.process is not None
        assert self.process.poll() is None, (self.directory / "log").read_text()
        return is_ready(self.url)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            # The port mapper is a daemon of its own.
            mapper = ["epmd", "-port", str(self.mapper), "-kill"]
            subprocess.run(mapper, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self) -> None:
        """End it and forget it."""
        self.kill()
        shutil.rmtree(self.directory)

    def _environment(self) -> dict[str, str]:
        here = str(self.directory)
        return {
            "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin:/usr/local/sbin",
            "HOME": here,
            "LANG": "C.UTF-8",
            "RABBITMQ_NODENAME": f"test{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_DIST_PORT": str(self.distribution),
            "ERL_EPMD_PORT": str(self.mapper),
            "ERL_EPMD_ADDRESS": HOST,
            # So that it may be ended although its node is not known to be gone.
            "ERL_EPMD_RELAXED_COMMAND_CHECK": "1",
            "RABBITMQ_CONFIG_FILE": f"{here}/rabbitmq.conf",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{here}/enabled_plugins",
            "RABBITMQ_MNESIA_BASE": f"{here}/mnesia",
            "RABBITMQ_LOG_BASE": f"{here}/log-files",
            "RABBITMQ_PID_FILE": f"{here}/pid",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ERLANG,
        }
