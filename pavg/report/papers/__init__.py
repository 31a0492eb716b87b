"""One room a paper: its experiments (TOML files in benchmarks/), figures, and what it claims."""
