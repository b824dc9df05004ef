"""`make bench`: what textrnn and its rivals take, measured side by side, for docs/explanation/benchmarks.md."""
