"""The generations of a shard's views: `states` says what may become of one, the other modules do it."""
