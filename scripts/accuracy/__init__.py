"""`make accuracy`: accuracy of the shipped recipes beside linear models, for docs/explanation/accuracy.md."""
