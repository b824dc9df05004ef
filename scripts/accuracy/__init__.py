"""`make accuracy`: how right the shipped recipes are beside linear models, measured into docs/accuracy.md."""
