"""Accounts: who may register, how one logs in, what one prefers, how one leaves."""
