"""Inputs by address: which may be fetched, and how they become files of the job's owner."""
