"""`python -m benchmarks`: fedserver beside a server that does only what cannot be avoided."""
