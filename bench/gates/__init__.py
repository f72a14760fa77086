"""Count what a hash costs in gates: synthesis, simulation, transitions, and the page of results."""
