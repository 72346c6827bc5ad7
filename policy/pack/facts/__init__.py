"""What resources mean, whatever their type calls it: the facts that rules judge."""
