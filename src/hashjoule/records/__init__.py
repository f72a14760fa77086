"""Records of measurements: their schema, their files, and the facts of the machine that they hold."""
