"""Systems that are told what happens at the site: each a `hub.central.target.Target`."""
