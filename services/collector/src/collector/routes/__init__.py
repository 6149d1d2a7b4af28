"""The HTTP face: one file for each thing that can be asked."""
