"""Runs the Singer tap of PyPI's package tap-lever, unchanged, against another address.

    python run_tap.py http://127.0.0.1:1234 API_KEY 2026-01-01T00:00:00Z

The streams of the vendor's present API are selected; their SCHEMA, RECORD and STATE lines go to standard output.
"""

import contextlib
import io
import json
import sys
from types import SimpleNamespace

import requests
import singer
from tap_lever import LeverRunner
from tap_lever.client import LeverClient
from tap_lever.streams import AVAILABLE_STREAMS

# its `candidates` and what hangs on them are of an API that the vendor replaced by opportunities
STREAMS = {
    "opportunities",
    "opportunity_applications",
    "opportunity_offers",
    "archive_reasons",
    "postings",
    "requisitions",
    "sources",
    "stages",
    "users",
}

address, key, start = sys.argv[1:]
original = requests.Session.request


def elsewhere(self, method, url, **rest):
    """The address is written into the tap: what it asks the vendor goes to ours."""
    return original(self, method, url.replace("https://api.lever.co", address), **rest)


requests.Session.request = elsewhere
config = {"token": key, "start_date": start}


def runner(catalog):
    args = SimpleNamespace(config=config, state={}, catalog=catalog)
    return LeverRunner(args, LeverClient(config), AVAILABLE_STREAMS)


found = io.StringIO()
with contextlib.redirect_stdout(found):
    runner(None).do_discover()
catalog = json.loads(found.getvalue())
for stream in catalog["streams"]:
    for entry in stream["metadata"]:
        if entry["breadcrumb"] == []:
            entry["metadata"]["selected"] = stream["stream"] in STREAMS
runner(singer.Catalog.from_dict(catalog)).do_sync()
