#!/usr/bin/python3
# A version 1 backend as plugins in other languages are: TCP, protobuf by hand,
# unknown arguments ignored. It logs everybody in and echoes messages.
import argparse
import socket
import struct

parser = argparse.ArgumentParser()
parser.add_argument("--host", required=True)
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--service.backend_id", dest="number")
parser.add_argument("config")
args, _ = parser.parse_known_args()
open(args.config).read()
sock = socket.create_connection((args.host, args.port))


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def send(kind, payload=b""):
    frame = b"\x08" + varint(kind) + field(2, payload)
    sock.sendall(struct.pack(">I", len(frame)) + frame)


def exactly(n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            raise SystemExit(0)
        data += more
    return data


def parse(data):
    fields = {}

    def number():
        nonlocal data
        n = shift = 0
        while True:
            b, data = data[0], data[1:]
            n |= (b & 127) << shift
            shift += 7
            if b < 128:
                return n

    while data:
        tag = number()
        if tag & 7 == 2:
            size = number()
            fields[tag >> 3], data = data[:size], data[size:]
        else:
            fields[tag >> 3] = number()
    return fields


send(30, field(1, b"[registration]\nneedRegistration=1\n[features]\nmuc=1\n"))
while True:
    frame = parse(exactly(struct.unpack(">I", exactly(4))[0]))
    kind, payload = frame[1], frame.get(2, b"")
    if kind == 9:  # PING
        send(10)
        send(23, b"\x08\x01\x10\x01\x18\x01" + field(4, b"1"))
    elif kind == 3:  # LOGIN
        send(1, field(1, parse(payload)[1]))
    elif kind == 8:  # CONV_MESSAGE
        m = parse(payload)
        send(8, field(1, m[1]) + field(2, m[2]) + field(3, m[3]))
    elif kind == 29:  # EXIT
        raise SystemExit(0)
