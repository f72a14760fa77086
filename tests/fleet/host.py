"""A module that a worker preloads to report HASHJOULE_TEST_HOST as its machine."""

import os
import platform

import hashjoule
from hashjoule.fleet import worker

name = os.environ["HASHJOULE_TEST_HOST"]
worker.host = lambda: f"machine-{name}"
platform.node = lambda: name
hashjoule.__version__ = os.environ.get("HASHJOULE_TEST_VERSION", hashjoule.__version__)
