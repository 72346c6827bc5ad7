"""Previews every stack of the project, and reports what a change would do to them.

Each preview starts from an empty state in a temporary backend, so it needs no state, no login and no secret.
`python -m infra.previews --base origin/main` writes the report as one Markdown document.
"""
