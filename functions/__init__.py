"""The functions of the system, and the vocabulary that they share.

A folder is one function. A file at this level is shared vocabulary. No module here
imports a driver, the runtime, or another function.
"""
