"""Token buckets in bounded memory, and the header fields that tell a client where it stands.

Pure: time is an argument. Who is limited, and what for, is the services' to say; the limits are those of one process.
"""
