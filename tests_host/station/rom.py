"""A model of the ESP32's boot loader in ROM, spoken to over a TCP socket.

After "Serial Protocol" in esptool's documentation: SLIP frames, one answer to each command. It
knows the commands that flashing without the stub takes, keeps a flash of 4 MB that only clears
bits until it is erased, and refuses everything else, the stub among it.
"""

import hashlib
import socket
import struct
import threading

FLASH = 4 << 20
SECTOR = 4096
ESP32, ESP32S3 = 0x00F01D83, 9  # magic number in ROM; chip number in the security info
MAGIC_AT = 0x40001000
SPI = 0x3FF42000  # flash controller: command, then its opcode in USER2, the answer in W0
SPI_COMMAND, SPI_USER2, SPI_W0 = SPI, SPI + 0x24, SPI + 0x80
ANSWERS = {0x9F: 0x1640EF, 0x5A: 0x50444653}  # JEDEC ID of 4 MB; "SFDP"
SYNC = b"\x07\x07\x12\x20" + b"\x55" * 32
REFUSED = b"\x01\x05\x00\x00"
DONE = bytes(4)


class Rom:
    """A chip in its boot loader, listening at `url`.

    `security_info`: it is a newer chip of that number. `deaf`: it says nothing. `broken`: address
    of a bit in flash that never clears. `pulled_at`: block at which the cable is pulled.
    """

    def __init__(self, security_info=None, deaf=False, broken=None, pulled_at=None):
        self.flash = bytearray(b"\xa5" * FLASH)  # what was there before
        self.erased = 0  # bytes
        self._chip, self._deaf, self._broken = security_info, deaf, broken
        self.pulled_at = pulled_at
        self._registers = {}
        self._at = self._left = 0
        self._attached = False
        self.plug()

    def plug(self):
        """Wait for a connection, at a new port."""
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"socket://127.0.0.1:{self._server.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, args=(self._server,), daemon=True)
        self._thread.start()

    def close(self):
        """Stop listening."""
        self._server.close()

    def _serve(self, server):
        peer, _ = server.accept()
        with peer:
            waiting = b""
            while True:
                try:
                    data = peer.recv(65536)
                except OSError:
                    return
                if not data:
                    return
                *frames, waiting = (waiting + data).split(b"\xc0")
                for frame in filter(None, frames):
                    request = frame.replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb")
                    if self._pulled(request):
                        server.close()
                        return
                    for answer in self._answers(request):
                        escaped = answer.replace(b"\xdb", b"\xdb\xdd").replace(
                            b"\xc0", b"\xdb\xdc"
                        )
                        peer.sendall(b"\xc0" + escaped + b"\xc0")

    def _pulled(self, request):
        if self.pulled_at is None or request[1] != 0x03:
            return False
        return struct.unpack_from("<I", request, 12)[0] == self.pulled_at

    def _answers(self, request):
        direction, command, length, checksum = struct.unpack_from("<BBHI", request)
        body = request[8:]
        if direction or length != len(body) or self._deaf:
            return []
        value, rest = self._execute(command, body, checksum)
        answer = struct.pack("<BBHI", 1, command, len(rest), value) + rest
        return [answer] * (8 if command == 0x08 else 1)

    def _execute(self, command, body, checksum):
        """Return (32-bit value, data and status) of the answer."""
        if command == 0x08:
            return 0x20120707, DONE if body == SYNC else REFUSED
        if command == 0x0A:
            return self._read(struct.unpack("<I", body)[0]), DONE
        if command == 0x09:
            return 0, self._write_register(*struct.unpack("<IIII", body))
        if command == 0x14 and self._chip:
            return 0, struct.pack("<IB7xII", 0, 0, self._chip, 0) + DONE
        if command == 0x0D:
            self._attached = True
            return 0, DONE
        if command in (0x0B, 0x0F):  # flash parameters; baud rate, which a socket has not
            return 0, DONE
        flash = {0x02: self._begin, 0x03: self._data, 0x13: self._md5}.get(command)
        if flash and self._attached:
            return 0, flash(body, checksum)
        return 0, REFUSED

    def _read(self, address):
        if address == MAGIC_AT:
            return ESP32
        if address == SPI_W0:
            return ANSWERS.get(self._registers.get(SPI_USER2, 0) & 0xFF, 0)
        return 0 if address == SPI_COMMAND else self._registers.get(address, 0)

    def _write_register(self, address, value, mask, _delay):
        self._registers[address] = self._registers.get(address, 0) & ~mask | value & mask
        return DONE

    def _begin(self, body, _checksum):
        size, blocks, length, self._at = struct.unpack("<IIII", body)
        if self._at % SECTOR or self._at + size > FLASH:
            return REFUSED
        size = -(-size // SECTOR) * SECTOR
        self.flash[self._at : self._at + size] = b"\xff" * size
        self.erased += size
        self._left, self._next, self._length = blocks, 0, length
        return DONE

    def _data(self, body, checksum):
        length, number, _, _ = struct.unpack_from("<IIII", body)
        data, total = body[16:], 0xEF
        for byte in data:
            total ^= byte
        if (length, number, checksum) != (len(data), self._next, total) or not self._left:
            return REFUSED
        end = self._at + length
        self.flash[self._at : end] = bytes(
            old & new for old, new in zip(self.flash[self._at : end], data)
        )
        if self._broken is not None and self._at <= self._broken < end:
            self.flash[self._broken] |= 1
        self._at, self._next, self._left = end, number + 1, self._left - 1
        return DONE

    def _md5(self, body, _checksum):
        at, size, _, _ = struct.unpack("<IIII", body)
        return hashlib.md5(self.flash[at : at + size]).hexdigest().encode() + DONE
