"""Infrastructure images as local binaries: PostgreSQL, RabbitMQ, Consul, Traefik."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from strangler.toolkit.stack.addresses import HOST, Addresses
from strangler.toolkit.stack.compose import Service
from strangler.toolkit.stack.errors import ComposeError, StackError
from strangler.toolkit.stack.program import Layout, Program, as_user, find, is_private, own

Adapter = Callable[[Service, Layout, Addresses], Program]
POSTGRES = Path("/usr/lib/postgresql")
"""Where Debian has each version's binaries."""


def postgres(service: Service, layout: Layout, addresses: Addresses) -> Program:
    """PostgreSQL with the settings of the compose command. The cluster is created at the first start, by the
    newest version here, and from then on started by that version."""
    binaries = sorted(POSTGRES.glob("*/bin"), key=lambda p: float(p.parent.name), reverse=True)
    data = layout.volume("postgres")
    port = addresses.port("postgres", 5432)
    if not (data / "PG_VERSION").exists():
        initdb = find("initdb", *map(str, binaries))
        _create_cluster(data, initdb, service.environment["POSTGRES_PASSWORD"], layout)
    settings = [*service.command[1:], "-c", f"listen_addresses={HOST}", "-c", f"port={port}"]
    settings += ["-c", "unix_socket_directories="]
    return Program(
        name=service.name,
        command=as_user("postgres", layout, [_server(data), "-D", str(data), *settings]),
        environment=layout.base_environment(),
        ready=f"postgres://{HOST}:{port}",
        stop_signal="INT",
        stop_seconds=30,
    )


def _server(data: Path) -> str:
    """The binary of the version that made the cluster: no other reads it."""
    version = (data / "PG_VERSION").read_text().strip()
    path = shutil.which("postgres", path=f"{POSTGRES / version / 'bin'}:{os.environ['PATH']}")
    if path is not None:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
        if re.search(rf"\) {version}(?!\d)", said.stdout):
            return path
    raise StackError(
        f"{data} was made by PostgreSQL {version}, which is not installed any more: install it (Debian: "
        f"postgresql-{version}), or `./run down --purge` forgets the data."
    )


def _create_cluster(data: Path, initdb: str, password: str, layout: Layout) -> None:
    """Beside its place until it is whole: after an interruption it is made anew."""
    new = data.with_name(f"{data.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    user = own(new, "postgres").stat()
    file = own(layout.run / "postgres-password", "postgres") / "password"
    command = [initdb, "-D", str(new), "-U", "postgres", "-A", "scram-sha-256", f"--pwfile={file}"]
    command = as_user("postgres", layout, [*command, "-E", "UTF8", "--locale=C.UTF-8"])
    try:
        file.write_text(password)
        os.chown(file, user.st_uid, user.st_gid)
        done = subprocess.run(  # noqa: S603 - the command is ours
            command, env=layout.base_environment(), capture_output=True, text=True, check=False
        )
    finally:
        shutil.rmtree(file.parent)
    if done.returncode:
        raise StackError(f"initdb failed in {new}: {done.stderr.strip()}")
    new.rename(data)


def rabbitmq(service: Service, layout: Layout, addresses: Addresses) -> Program:
    """RabbitMQ as a node of its own, with its own port mapper, all on loopback. In a private checkout it runs
    as we do: Erlang asks access(2) first, which goes by the user's rights alone."""
    private = is_private(layout)
    data = own(layout.volume("rabbitmq"), "root" if private else "rabbitmq")
    command = [find("rabbitmq-server", "/usr/lib/rabbitmq/bin")]
    port, distribution, epmd = (addresses.port("rabbitmq", p) for p in (5672, 25672, 4369))
    config = data / "rabbitmq.conf"
    user, password = (service.environment[f"RABBITMQ_DEFAULT_{x}"] for x in ("USER", "PASS"))
    config.write_text(
        f"listeners.tcp.1 = {HOST}:{port}\n"
        f"default_user = {user}\ndefault_pass = {password}\n"
        "log.console = true\nlog.console.level = warning\nlog.file = false\n"
        "vm_memory_high_watermark.absolute = 512MB\ndisk_free_limit.absolute = 50MB\n"
        "collect_statistics_interval = 60000\n"
    )
    config.chmod(0o640)
    (data / "enabled_plugins").write_text("[].\n")
    if os.geteuid() == 0:
        for path in (config, data / "enabled_plugins"):
            os.chown(path, data.stat().st_uid, data.stat().st_gid)
    return Program(
        name=service.name,
        command=command if private else as_user("rabbitmq", layout, command),
        environment={
            **layout.base_environment(),
            "HOME": str(data),
            "RABBITMQ_NODENAME": f"rabbit{port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_DIST_PORT": str(distribution),
            "ERL_EPMD_PORT": str(epmd),
            "ERL_EPMD_ADDRESS": HOST,
            "RABBITMQ_CONFIG_FILE": str(config),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(data / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(data / "mnesia"),
            "RABBITMQ_LOG_BASE": str(data / "log"),
            "RABBITMQ_PID_FILE": str(data / "pid"),
            # One scheduler a core and no busy waiting: the broker idles most of the time here.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none "
            f"-kernel inet_dist_use_interface {{{HOST.replace('.', ',')}}}",
        },
        ready=f"amqp://{HOST}:{port}",
        stop_seconds=30,
    )


def consul(service: Service, layout: Layout, addresses: Addresses) -> Program:
    """A single Consul server on loopback, its data kept across restarts."""
    http, server, lan, wan, dns = (
        str(addresses.port("consul", port)) for port in (8500, 8300, 8301, 8302, 8600)
    )
    data = layout.volume("consul")
    data.mkdir(parents=True, exist_ok=True)
    ports = [f"-http-port={http}", f"-server-port={server}", f"-serf-lan-port={lan}"]
    ports += [f"-serf-wan-port={wan}", f"-dns-port={dns}", "-grpc-port=-1"]
    config = data / "native.json"
    config.write_text('{"performance": {"raft_multiplier": 1}, "leave_on_terminate": false}')
    flags = [f for f in service.command if not f.startswith(("-client", "-data-dir"))]
    places = [str(layout.root / ".venv" / "opt" / "bin")]
    command = [find("consul", *places), *flags, f"-client={HOST}", f"-data-dir={data / 'data'}"]
    return Program(
        name=service.name,
        command=[*command, f"-config-file={config}", "-node=native", *ports],
        environment=layout.base_environment(),
        ready=f"consul://{HOST}:{http}",
    )


def traefik(service: Service, layout: Layout, addresses: Addresses) -> Program:
    """Traefik with the static configuration that compose mounts, its addresses made local."""
    rendered = {target: layout.run / Path(source).name for target, source in service.mounts.items()}

    def here(text: str) -> str:
        for target, path in rendered.items():
            text = text.replace(target, str(path))
        return addresses.localise(text)

    digest = sha256()
    for target, source in service.mounts.items():
        text = here((layout.root / source).read_text())
        rendered[target].write_text(text)
        digest.update(text.encode())
    command = [find("traefik"), *map(here, service.command)]
    return Program(
        name=service.name,
        command=command,
        # Another configuration is another program: supervision then starts it anew.
        environment={
            **layout.base_environment(),
            **service.environment,
            "CONFIGURATION": digest.hexdigest()[:16],
        },
        ready=addresses.localise(service.ready_url),
        stop_seconds=30,
    )


ADAPTERS: dict[str, Adapter] = {
    "postgres": postgres,
    "rabbitmq": rabbitmq,
    "hashicorp/consul": consul,
    "traefik": traefik,
}


def adapter(service: Service) -> Adapter:
    """What runs the service's image as a local program; raises ComposeError if nothing does."""
    image = service.image.split(":")[0]
    if image not in ADAPTERS:
        raise ComposeError(
            f"{service.name}: no local program stands for the image {service.image}. Known: "
            f"{', '.join(ADAPTERS)}. Give it a profile that no stage has, or add an adapter in {__name__}."
        )
    return ADAPTERS[image]
