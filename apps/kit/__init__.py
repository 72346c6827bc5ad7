"""What the bundled apps share: reading a spec, writing a result, printing without secrets."""
