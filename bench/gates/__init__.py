"""What a hash costs in hardware, counted: gates from Verilog, transitions from simulation. See `__main__`."""
