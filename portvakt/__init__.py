"""The ground that gate and hub both stand on: settings, the broker link, one process per folder.

No word of the domain lives here; what crosses between gate and hub is `gate.uplink.contract`.
"""
