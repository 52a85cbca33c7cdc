"""The page on a small display at the lane: a process of its own that shows what the gate says."""
