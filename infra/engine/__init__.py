"""Runs the Makefile's commands on a stack: finds or builds the Pulumi engine, picks a backend, and calls the
engine.

A user with the official Pulumi CLI needs none of this: `Pulumi.yaml`, the stack files and the program stand
alone. A compatible `pulumi` on PATH that has a language host is used, and so is a backend that the user
logged in to. This package supplies only what is missing.
"""
