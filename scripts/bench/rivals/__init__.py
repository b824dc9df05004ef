"""What users would pick instead, each a program of its own: `train` from raw file to saved model, `predict` from a file
of texts to a file of labels."""
