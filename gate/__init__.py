"""All that runs on the turnstile's Raspberry Pi. Start reading at `decide.py`, then `controller.py`."""

__version__ = "0.1.0"
