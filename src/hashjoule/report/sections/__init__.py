"""The sections of the report page, each from its data to its markup."""
