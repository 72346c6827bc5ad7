"""The text of supervisord's configuration files."""

import os
import resource
import shlex
import sys
from pathlib import Path

from providers.local.plugin.layout import StackDirectory
from providers.local.plugin.os_processes import WORKLOAD_VARIABLE

START_SECONDS = 15
"""A server that ends within so many seconds counts as failed to start. A JVM reports a wrong configuration
sooner."""

_RETRIES = 2**31 - 1
"""supervisord restarts a server without end, waiting a second longer each time, because the cause may pass:
another program may free the server's port. An `up` that waits for the server gives up much earlier."""

_LAUNCHER = Path(__file__).with_name("exec.py")


def supervisord_configuration(directory: StackDirectory) -> str:
    """Return the main configuration file, supervisord.conf, for the stack in `directory`."""
    control = _escaped(directory.supervisord_folder)
    user = "user=root\n" if os.geteuid() == 0 else ""
    return f"""\
[unix_http_server]
file={_escaped(directory.control_socket)}
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


def program_configuration(directory: StackDirectory, name: str, stop_signal: str, stop_seconds: int) -> str:
    """Return the configuration file of the server `name`.

    supervisord stops the server with `stop_signal` ("TERM") and kills it `stop_seconds` later.
    """
    words = (sys.executable, "-I", "-S", _LAUNCHER, directory.spec_file(name), directory.record_file(name))
    command = " ".join(shlex.quote(str(word)) for word in words)
    return f"""\
[program:{name}]
command={_escaped(command)}
directory={_escaped(directory.root)}
environment={WORKLOAD_VARIABLE}="{name}"
autostart=false
autorestart=true
startsecs={START_SECONDS}
startretries={_RETRIES}
stopsignal={stop_signal}
stopwaitsecs={stop_seconds}
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile={_escaped(directory.log_file(name))}
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=2
"""


def _escaped(text: object) -> str:
    return str(text).replace("%", "%%")


def _descriptors() -> int:
    """Return how many open files supervisord and its servers may have: the system's limit, at most 65536."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
