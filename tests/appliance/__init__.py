"""The Debian package in a machine of its own: `make appliance`."""
