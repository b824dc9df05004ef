"""`make bench`: what textrnn and its rivals take, measured side by side and written to docs/benchmarks.md."""
