"""Many machines: the benchmark and the search on the workers of a Dask cluster. Dask is imported in here alone."""
