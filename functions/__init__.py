"""The functions of the system, and the vocabulary that they share.

A folder is one function. A file at this level is vocabulary. Nothing in here
imports a driver, the runtime, or another function.
"""
