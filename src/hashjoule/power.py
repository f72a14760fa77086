"""How the power or energy of a machine was obtained: words that meters, records and reports share."""

METERED = ("counter", "sampled")
"""A meter showed it: a counter of energy, or power that was sampled."""

UNMETERED = ("declared", "reported")
"""No meter showed it: the user stated it, or the device itself did. A `bound` from a rating is neither of the two."""
