"""A tag for each stage, derived from HEAD and the plan, never made by hand."""
