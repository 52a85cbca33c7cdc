"""The check digit of a Norwegian organisation number. Pure."""

_WEIGHTS = (3, 2, 7, 6, 5, 4, 3, 2)


def fits(digits: str) -> bool:
    """Whether nine digits are a number that Enhetsregisteret may have given: weights 3 2 7 6 5 4 3 2, modulo 11."""
    if not (digits.isascii() and digits.isdigit() and len(digits) == 9):
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits[:8], strict=True))
    check = (11 - total % 11) % 11
    return check != 10 and check == int(digits[8])
