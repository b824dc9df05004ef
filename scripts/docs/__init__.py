"""`python -m scripts.docs`: renews the pages of docs/ that are generated."""
