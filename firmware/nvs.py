"""Migration of version 1 records from an ESP32's NVS. Imported only on boards that name an NVS."""

_LONGEST = 1024  # bytes, more than any record
_NVS_NOT_FOUND = -0x1102  # ESP_ERR_NVS_NOT_FOUND
_RECORDS = ("full", "beat", "identity")
_KEY = "{}.{}"  # NVS key of a record: name, slot


def take_over(nvs, files):
    """Move the records of earlier firmware from an ESP32's NVS into files.

    `nvs`: an `esp32.NVS`; `files`: a firmware.media.Files. A power cut does no harm: the identity
    is copied last and erased last. Raises OSError.
    """
    found = [(name, slot, _blob(nvs, name, slot)) for name in _RECORDS for slot in (0, 1)]
    found = [record for record in found if record[2]]
    if not any([files.read("identity", slot) for slot in (0, 1)]):
        if not any([name == "identity" for name, _, _ in found]):
            return  # a blank unit
        for record in found:
            files.write(*record)
    for name, slot, _ in found:
        nvs.erase_key(_KEY.format(name, slot))
        nvs.commit()


def _blob(nvs, name, slot):
    data = bytearray(_LONGEST)
    try:
        return bytes(data[: nvs.get_blob(_KEY.format(name, slot), data)])
    except OSError as error:
        if error.errno != _NVS_NOT_FOUND:
            raise  # unreadable memory does not make a unit blank
        return None
