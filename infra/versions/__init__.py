"""Versions: `make lock` renews every lock of the project, `make outdated` lists what has newer releases."""
