"""`python -m textrnn` is the command `textrnn`."""

from textrnn.cli import main

if __name__ == "__main__":  # tokenizing workers import this module again under another name
    main()
