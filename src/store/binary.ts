/**
 * Array parameters in Postgres' binary format: twice as fast to send and to read as text arrays (decision 0001).
 * Layout: dimensions, has-null flag, element oid, length, lower bound, then per element its length and bytes
 * (PostgreSQL source, array_recv).
 */

const oids = {
  bool: 16,
  bytea: 17,
  int8: 20,
  int2: 21,
  int4: 23,
  text: 25,
  json: 114,
  float8: 701,
  timestamptz: 1184
}
const headerBytes = 20
const postgresEpochMs = 946_684_800_000

function allocate(oid: number, length: number, elementBytes: number): Buffer {
  const buffer = Buffer.allocUnsafe(headerBytes + length * 4 + elementBytes)
  buffer.writeInt32BE(1, 0)
  buffer.writeInt32BE(0, 4)
  buffer.writeInt32BE(oid, 8)
  buffer.writeInt32BE(length, 12)
  buffer.writeInt32BE(1, 16)
  return buffer
}

/** Fixed-width elements; `write` is called for those that are not null. */
function fixed<T>(
  oid: number,
  width: number,
  values: readonly (T | null)[],
  write: (buffer: Buffer, offset: number, value: T) => void
): Buffer {
  const buffer = allocate(oid, values.length, values.length * width)
  let offset = headerBytes
  for (const value of values) {
    if (value === null) {
      buffer.writeInt32BE(-1, offset)
      buffer[7] = 1
      offset += 4
    } else {
      buffer.writeInt32BE(width, offset)
      write(buffer, offset + 4, value)
      offset += 4 + width
    }
  }
  return buffer.subarray(0, offset)
}

const writeInt64 = (buffer: Buffer, offset: number, value: number): void => {
  buffer.writeInt32BE(Math.floor(value / 0x1_0000_0000), offset)
  buffer.writeUInt32BE(value - Math.floor(value / 0x1_0000_0000) * 0x1_0000_0000, offset + 4)
}

export const int8Array = (values: readonly (number | null)[]): Buffer =>
  fixed(oids.int8, 8, values, writeInt64)

export const int4Array = (values: readonly (number | null)[]): Buffer =>
  fixed(oids.int4, 4, values, (buffer, offset, value) => buffer.writeInt32BE(value, offset))

export const int2Array = (values: readonly (number | null)[]): Buffer =>
  fixed(oids.int2, 2, values, (buffer, offset, value) => buffer.writeInt16BE(value, offset))

export const boolArray = (values: readonly (boolean | null)[]): Buffer =>
  fixed(oids.bool, 1, values, (buffer, offset, value) => (buffer[offset] = value ? 1 : 0))

export const float8Array = (values: readonly (number | null)[]): Buffer =>
  fixed(oids.float8, 8, values, (buffer, offset, value) => buffer.writeDoubleBE(value, offset))

/** From milliseconds since 1970. */
export const timestampArray = (values: readonly (number | null)[]): Buffer =>
  fixed(oids.timestamptz, 8, values, (buffer, offset, value) =>
    writeInt64(buffer, offset, (value - postgresEpochMs) * 1000)
  )

export const byteaArray = (values: readonly (Uint8Array | null)[]): Buffer => {
  let bytes = 0
  for (const value of values) bytes += value === null ? 0 : value.length
  const buffer = allocate(oids.bytea, values.length, bytes)
  let offset = headerBytes
  for (const value of values) {
    if (value === null) {
      buffer.writeInt32BE(-1, offset)
      buffer[7] = 1
      offset += 4
    } else {
      buffer.writeInt32BE(value.length, offset)
      buffer.set(value, offset + 4)
      offset += 4 + value.length
    }
  }
  return buffer.subarray(0, offset)
}

/** Anything JSON can say; `json` keeps \u0000 and lone surrogates as the escapes that JSON.stringify writes. */
export const jsonArray = (values: readonly unknown[]): Buffer => {
  const buffer = byteaArray(
    values.map((value) => (value === null || value === undefined ? null : Buffer.from(JSON.stringify(value))))
  )
  buffer.writeInt32BE(oids.json, 8)
  return buffer
}

/** Lone surrogates become U+FFFD; text with NUL is refused by Postgres. */
export const textArray = (values: readonly (string | null)[]): Buffer => {
  const buffer = byteaArray(values.map((value) => (value === null ? null : Buffer.from(value))))
  buffer.writeInt32BE(oids.text, 8)
  return buffer
}
