"""Decoding and transcoding: what it takes to give pixels in a transfer syntax they are not stored in.

`transcode` is the way in; the codecs run in processes of their own (`pool`, `process`), because codecs crash.
"""
