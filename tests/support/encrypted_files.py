"""Parquet files with encrypted columns, their keys kept by a key server in memory."""

import base64

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as encryption

KEYS = {"footer": "0123456789012345", "columns": "1234567890123450"}


class KeyServer(encryption.KmsClient):
    """Wraps a key by putting the master key before it."""

    def __init__(self, config):
        super().__init__()
        self.keys = config.custom_kms_conf

    def wrap_key(self, key_bytes, master_key_identifier):
        return base64.b64encode(self.keys[master_key_identifier].encode() + key_bytes)

    def unwrap_key(self, wrapped_key, master_key_identifier):
        return base64.b64decode(wrapped_key)[len(self.keys[master_key_identifier]) :]


def write_encrypted(path, columns, plain_footer=True, table=None):
    """A file of texts and labels whose ``columns`` are encrypted."""
    if table is None:
        texts = [f"the text with number {number}" for number in range(40)]
        table = pa.table({"text": texts, "label": ["left", "right"] * 20})
    factory = encryption.CryptoFactory(KeyServer)
    connection = encryption.KmsConnectionConfig(custom_kms_conf=KEYS)
    configuration = encryption.EncryptionConfiguration(
        footer_key="footer", column_keys={"columns": columns}, plaintext_footer=plain_footer
    )
    properties = factory.file_encryption_properties(connection, configuration)
    with pq.ParquetWriter(path, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)
    return path
