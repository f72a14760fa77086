"""Write results/calibration.md and its pictures: the energy model against every published chip.

    python -m bench.calibration_report [--check]

With --check nothing is written: exit status 1 says that the data or the model no longer give the committed report.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "results" / "calibration.md"


def main() -> int:
    """Write the report, or with ``--check`` say whether it is up to date."""
    sys.path.insert(0, str(ROOT))  # so that the file can also be run by its path
    from bench.calibration import pictures
    from bench.calibration.paper import report
    from bench.calibration.study import study

    text = report()
    if "--check" in sys.argv[1:]:
        drawn = all((TARGET.parent / name).exists() for name in (pictures.PREDICTED, pictures.RESIDUALS))
        fresh = drawn and TARGET.exists() and TARGET.read_text(encoding="utf-8") == text
        print(f"{TARGET.name} is {'up to date' if fresh else 'out of date: run python -m bench.calibration_report'}")
        return 0 if fresh else 1
    TARGET.write_text(text, encoding="utf-8")
    pictures.draw(study(), TARGET.parent)
    return 0


if __name__ == "__main__":
    sys.exit(main())
