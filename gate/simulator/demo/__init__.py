"""The demo: a broker, a hub and a gate as real processes; the card, the turnstile and the people are simulated."""
