"""Says where to look for what a stack on Google Cloud left behind; nothing deletes it yet."""

LISTING = "gcloud asset search-all-resources --query='labels.stack={stack} AND labels.project=nebula'"
"""Its labels are those of providers/ownership.py."""
