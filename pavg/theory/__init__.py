"""The papers' bounds and closed forms, as plain functions: one file a paper."""
