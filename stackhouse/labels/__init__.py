"""Labels: from a measured column to what a model learns."""
