"""`make bench`: what Portvakt costs, in one table, with what it is held against measured in the same run."""
