"""MQTT: the wire contract, its signatures, the sans-IO session, and the shell that moves the bytes."""
