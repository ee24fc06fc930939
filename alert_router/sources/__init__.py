"""Wire formats in, signals out. One module a source; pydantic stays here."""
