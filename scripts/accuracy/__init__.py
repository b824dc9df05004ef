"""`make accuracy`: accuracy of the shipped recipes compared with linear models, written to docs/accuracy.md."""
