"""Why a machine needs so much more energy for a hash than the best ASIC: a chain of factors with intervals."""
