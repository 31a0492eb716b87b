"""Specifications that come with pavg: `pavg list benchmarks`, and figures of papers."""
