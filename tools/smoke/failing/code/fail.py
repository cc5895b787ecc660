raise ValueError("as intended")
