"""What monitoring costs, section by section, on this machine: `make bench-monitor` writes bench/monitor/RESULTS.md.

    python -m bench.monitor [section ...]

A run of some sections alone prints them and writes nothing.
"""

import sys
from pathlib import Path

from bench.monitor import call_site, ingest, overhead, page, stream
from bench.results import Sections, measure

SECTIONS: Sections = {
    "call_site": ("A call site", call_site.run),
    "overhead": ("An application's CPU time, with monitoring against without", overhead.run),
    "ingest": ("Ingest, and the newest page of a full history", ingest.run),
    "stream": ("The stream to many pages", stream.run),
    "page": ("The dashboard in a browser", page.run),
}

if __name__ == "__main__":
    sys.exit(measure("make bench-monitor", SECTIONS, sys.argv[1:], Path(__file__).with_name("RESULTS.md")))
