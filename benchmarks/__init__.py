"""Specifications that come with pavg, and what papers are compared by."""
