"""What mining costs and earns: pure formulas, and one module per question."""
