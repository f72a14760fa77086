"""A thread that notices when the template that is being searched is out of date."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from hashjoule.errors import HashjouleError
from hashjoule.mine.chain import WAIT_SECONDS, Watch
from hashjoule.mine.template import Template

_PAUSE_AFTER_ERROR_SECONDS = 0.1


class TipWatch:
    """Calls back, from its own thread, when the watched template is out of date."""

    def __init__(self, watch: Watch, on_outdated: Callable[[], None]) -> None:
        self._watch, self._on_outdated = watch, on_outdated
        self._template: Template | None = None
        self._ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="tip watch", daemon=True)
        self._thread.start()

    def watch(self, template: Template | None) -> None:
        """Watch for this template. With None, rest, and leave the node's RPC threads to others."""
        with self._changed:
            self._template = template
            self._changed.notify()

    def end(self) -> None:
        """End the thread when its wait is over."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join(2 * WAIT_SECONDS)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._template or self._ended)
                if self._ended:
                    return self._watch.close()
                template = self._template
            if template and self._is_outdated(template):
                with self._changed:
                    if self._template is template:
                        self._template = None
                        self._on_outdated()

    def _is_outdated(self, template: Template) -> bool:
        try:
            return self._watch.outdated(template)
        except HashjouleError:  # the main thread will meet the same error, and report it
            time.sleep(_PAUSE_AFTER_ERROR_SECONDS)
            return False
