"""All that runs on the turnstile's Raspberry Pi. Start reading at `decide.py`, then `controller.py`."""
