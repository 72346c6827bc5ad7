"""supervisord's configuration files."""

import os
import resource
import shlex
import sys
from pathlib import Path

from providers.local.plugin.layout import StackDirectory
from providers.local.plugin.processes import WORKLOAD_MARK

START_SECONDS = 15
"""A server that ends sooner counts as failed to start; JVMs report a bad configuration within this."""

_RETRIES = 2**31 - 1
"""For ever, each time a second later than before: what is missing, such as a port that another program took
while the server was down, may be there again. An `up` that waits for the server gives up much earlier."""

_LAUNCHER = Path(__file__).with_name("exec.py")


def configuration_of(directory: StackDirectory) -> str:
    """supervisord's own file."""
    control = _escaped(directory.control)
    user = "user=root\n" if os.geteuid() == 0 else ""
    return f"""\
[unix_http_server]
file={_escaped(directory.socket)}
chmod=0700

[supervisord]
logfile={control}/supervisord.log
logfile_maxbytes=5MB
logfile_backups=1
pidfile={control}/supervisord.pid
childlogdir={control}
nodaemon=true
umask=077
minfds={_descriptors()}
minprocs=1
{user}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[include]
files=programs/*.conf
"""


def program_of(directory: StackDirectory, name: str, stop_signal: str, stop_seconds: int) -> str:
    """The file of one server; `stop_seconds` after its stop signal it is killed."""
    words = (sys.executable, "-I", "-S", _LAUNCHER, directory.spec(name), directory.record(name))
    command = " ".join(shlex.quote(str(word)) for word in words)
    return f"""\
[program:{name}]
command={_escaped(command)}
directory={_escaped(directory.root)}
environment={WORKLOAD_MARK}="{name}"
autostart=false
autorestart=true
startsecs={START_SECONDS}
startretries={_RETRIES}
stopsignal={stop_signal}
stopwaitsecs={stop_seconds}
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile={_escaped(directory.log(name))}
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=2
"""


def _escaped(text: object) -> str:
    return str(text).replace("%", "%%")


def _descriptors() -> int:
    """Open files that supervisord and its servers may have: what the system allows, up to 65536."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
