"""Uploads a file to a tus server with tuspy: stops on the way, then goes on.

python3 upload.py URL TOKEN FILE METADATA(JSON)
"""

import json
import sys

from tusclient.client import TusClient

PART = 64 * 1024


def main(url, token, file, metadata):
    client = TusClient(url, headers={"Authorization": f"Bearer {token}"})
    with open(file, "rb") as stream:
        first = client.uploader(
            file_stream=stream,
            chunk_size=PART,
            metadata=json.loads(metadata),
            upload_checksum=True,
        )
        first.upload(stop_at=3 * PART)
        rest = client.uploader(
            file_stream=stream, url=first.url, chunk_size=PART, upload_checksum=True
        )
        print(f"{rest.url} resumed at {rest.offset}")
        rest.upload()


main(*sys.argv[1:])
