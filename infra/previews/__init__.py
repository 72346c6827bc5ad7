"""Previews of every stack of the project, and the report of what a change would do to them.

Each is previewed from nothing, in a backend that is thrown away: no state, no login and no secret is
needed. `python -m infra.previews --base origin/main` writes the report as one Markdown document.
"""
