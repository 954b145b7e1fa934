"""Draw contact centres, run the bundled rules over them in a real Prometheus, and print what is told: `make centres`."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.centres import backfill, report, rules
from bench.centres.evaluate import firings
from bench.centres.judge import Verdict, judge
from bench.centres.notify import Alertmanager
from tests.tools import ROOT

BUILD = ROOT / "build" / "centres"
"""What is kept: the verdict on each centre, and what was scraped of it."""
RULES = ROOT / "deploy" / "prometheus" / "rules"
ALERTMANAGER = ROOT / "deploy" / "alertmanager" / "alertmanager.yml"
