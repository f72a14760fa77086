"""`python -m hashjoule`."""

from hashjoule.cli import main

main()
