"""The tokens of one unit, made with the protocol's own encoder; computed codes are kept."""

from openpaygo.token_shared import OpenPAYGOTokenShared as Plain
from openpaygo.token_shared_extended import OpenPAYGOTokenSharedExtended as Extended


class Chains:
    """The codes of a unit, computed as needed.

    key: 16 bytes; starting_code: 0..999999999, or None to derive the code from the key.
    """

    def __init__(self, key: bytes, starting_code: int | None = None) -> None:
        self.key = key
        if starting_code is None:
            starting_code = Plain.generate_starting_code(key)
        self.starting_code = starting_code
        self._chains: dict[tuple[int, bool], list[int]] = {}

    def chain(self, value: int, count: int, extended: bool = False) -> list[int]:
        """Return the codes of a value's chain from count 0 to count or further."""
        kind = Extended if extended else Plain
        codes = self._chains.get((value, extended))
        if codes is None:
            start = kind.put_base_in_token(self.starting_code, self._base(value, extended))
            codes = self._chains[value, extended] = [start]
        while len(codes) <= count:
            codes.append(kind.generate_next_token(codes[-1], self.key))
        return codes

    def token(
        self, value: int, count: int, extended: bool = False, restricted: bool = False
    ) -> str:
        """Return the token of a value (0..999, extended 0..999999) and a count as typed."""
        kind = Extended if extended else Plain
        code = self.chain(value, count, extended)[count]
        code = kind.put_base_in_token(code, self._base(value, extended))
        if restricted:
            return f"{kind.convert_to_4_digit_token(code):0{20 if extended else 15}}"
        return f"{code:0{12 if extended else 9}}"

    def _base(self, value: int, extended: bool) -> int:
        return (self.starting_code + value) % (10**6 if extended else 1000)
