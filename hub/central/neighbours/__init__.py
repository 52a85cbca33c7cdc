"""Other systems at the same site that know who comes and goes: each a `hub.central.source.Source`."""
