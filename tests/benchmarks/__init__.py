"""`./run bench`: one table of ratios from one run, with the targets they are held against."""
