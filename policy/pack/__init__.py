"""The CrossGuard policy pack: named pure rules, and the adapter that runs them in the engine."""
