"""Articles' numbers put to our data: what a claim implies, what the data say, and a verdict."""
