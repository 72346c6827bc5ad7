"""The generations of a shard's views: `states` has the state machine, and the other modules carry it out."""
