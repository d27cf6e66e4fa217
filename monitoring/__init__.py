"""What an application imports to be seen: it records events and sends them to the daemon.

    import monitoring
    monitoring.start("api")

Nothing here blocks or raises because of monitoring; with MONITORING_ENABLED=false nothing here does anything.
"""

from monitoring.application import flush, source, start, stop
from monitoring.correlation import carry, current_trace_id, read_trace_id, trace, trace_headers, traced
from monitoring.recorder import CallSite, call_site, clock, event
from monitoring.settings import Rule

__all__ = [
    "CallSite",
    "Rule",
    "call_site",
    "carry",
    "clock",
    "current_trace_id",
    "event",
    "flush",
    "read_trace_id",
    "source",
    "start",
    "stop",
    "trace",
    "trace_headers",
    "traced",
]
