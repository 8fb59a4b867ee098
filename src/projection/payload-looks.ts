/** What a payload looks like to somebody who has seen many: why it is not what a mapping expects. Pure. */

import { isUtf8 } from 'node:buffer'

export interface Look {
  code: 'binary_payload' | 'encoded_text' | 'double_encoded_json' | 'decimal_comma' | 'number_with_unit'
  /** Goes on after "The payload is" or "The value is". */
  is: string
  fix: string
}

const binary = (is: string, fix: string): Look => ({ code: 'binary_payload', is, fix })

const starts = (payload: Uint8Array, ...bytes: number[]): boolean =>
  bytes.every((byte, index) => payload[index] === byte)

const ownDecoder =
  'Let the device send JSON, or give the mapping `decoder: cbor`, `msgpack`, `protobuf`, or a decoder module that reads it'
const decompressed =
  'Leave out what keeps it as it is, `compression: none`, `decoder: bytes` or a content type: then it is decompressed'
const binaryDecoder = (decoder: string): string =>
  `Give the mapping \`decoder: ${decoder}\`, or let the device say the content type application/${decoder}`

/** Bytes that are no text; null: they are text. */
export function binaryLook(payload: Uint8Array): Look | null {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  if (starts(bytes, 0xff, 0xfe) || (starts(bytes, 0xfe, 0xff) && bytes.length % 2 === 0))
    return binary('text in UTF-16', 'Let the device send UTF-8')
  if (starts(bytes, 0x1f, 0x8b)) return binary('compressed with gzip', decompressed)
  if (bytes.length > 2 && bytes[0] === 0x78 && bytes.readUInt16BE(0) % 31 === 0 && !isText(bytes))
    return binary('compressed with zlib', decompressed)
  if (starts(bytes, 0xff, 0xd8, 0xff)) return binary('a JPEG picture', 'Give the mapping `decoder: bytes`')
  if (starts(bytes, 0x89, 0x50, 0x4e, 0x47))
    return binary('a PNG picture', 'Give the mapping `decoder: bytes`')
  if (isText(bytes) || endsWithNul(bytes)) return null
  const { length } = bytes
  if (length % 2 === 0 && everySecondIsZero(bytes))
    return binary('text in UTF-16', 'Let the device send UTF-8')
  const map = mapLook(bytes)
  if (map !== null) return map
  const number = floatLook(bytes)
  if (number !== null) return number
  return binary(`binary (${length} bytes that are no text)`, ownDecoder)
}

/** UTF-8 without control characters; a text with NUL inside is none. */
function isText(bytes: Buffer): boolean {
  // eslint-disable-next-line no-control-regex
  return isUtf8(bytes) && !/[\u0000-\u0008\u000e-\u001f]/.test(bytes.toString('utf8', 0, 4_096))
}

/** Text as C keeps it, published with the NUL that ends it there. */
export function endsWithNul(payload: Uint8Array): boolean {
  const end = payload.findLastIndex((byte) => byte !== 0) + 1
  return end > 0 && end < payload.length && isText(Buffer.from(payload.subarray(0, end)))
}

const everySecondIsZero = (bytes: Buffer): boolean => {
  const pairs = Math.min(bytes.length, 256) / 2
  let zeros = 0
  for (let index = 0; index < pairs; index++)
    if (bytes[2 * index + 1] === 0 && bytes[2 * index] !== 0) zeros++
  return pairs >= 4 && zeros >= pairs * 0.9
}

/** A map that begins with a short text: the first member's name. */
function mapLook(bytes: Buffer): Look | null {
  const [head, name] = [bytes[0] ?? 0, bytes[1] ?? 0]
  const named = (length: number): string | null => {
    const text = bytes.subarray(2, 2 + length)
    return length > 0 && text.length === length && /^[\w.$-]+$/.test(text.toString('latin1'))
      ? text.toString('latin1')
      : null
  }
  if (head >= 0x81 && head <= 0x8f && name >= 0xa1 && name <= 0xbf) {
    const member = named(name & 0x1f)
    if (member !== null)
      return binary(`MessagePack; its first member is \`${member}\``, binaryDecoder('msgpack'))
  }
  if (((head >= 0xa1 && head <= 0xb7) || head === 0xbf) && name >= 0x61 && name <= 0x77) {
    const member = named(name & 0x1f)
    if (member !== null) return binary(`CBOR; its first member is \`${member}\``, binaryDecoder('cbor'))
  }
  return null
}

/** Four or eight bytes that are a number of ordinary size in one of the two byte orders. */
function floatLook(bytes: Buffer): Look | null {
  if (bytes.length !== 4 && bytes.length !== 8) return null
  const single = bytes.length === 4
  const candidates: Array<[number, string]> = [
    [single ? bytes.readFloatLE() : bytes.readDoubleLE(), 'little-endian'],
    [single ? bytes.readFloatBE() : bytes.readDoubleBE(), 'big-endian']
  ]
  const found = candidates.find(([value]) => Math.abs(value) > 1e-4 && Math.abs(value) < 1e7)
  if (found === undefined) return null
  const value = Number(found[0].toPrecision(single ? 7 : 15))
  return binary(
    `${bytes.length} bytes of binary, as a ${found[1]} ${single ? 'float' : 'double'} they are ${value}`,
    'Let the device send the number as text, or give the mapping a decoder module that reads it'
  )
}

const numberStart = /^([+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?)(\s*)(\S.*)$/
/** Without a space before it, only these are taken as one: `12a` may be anything. */
const knownUnits =
  /^(°?[CFK]|°|%|[mkM]?(V|A|W|Wh|VA|Hz|Pa|bar|g|m|l|L|s|b|B|bps)|hPa|psi|mm|cm|km|m\/s|km\/h|m[23²³]|ml|min|h|rpm|lx|lux|pp[mb]|dBm?|[uµ]g\/m(3|³)|k?Ω|cts|pcs)$/

/** Text that holds what is meant, but not as it is. `strict`: it was to be a number, so a weaker sign is enough. */
export function textLook(text: string, strict: boolean): Look | null {
  const trimmed = text.trim()
  if (/^[+-]?\d+(\.\d{3})*,\d+$/.test(trimmed)) {
    const dotted = trimmed.replaceAll('.', '').replace(',', '.')
    return {
      code: 'decimal_comma',
      is: `\`${trimmed}\`: a number with a decimal comma`,
      fix: `Let the device send \`${dotted}\`: a number has a dot`
    }
  }
  const [, number, space, unit] = numberStart.exec(trimmed) ?? []
  if (number !== undefined && unit!.length <= 12 && isUnit(unit!, space!, strict))
    return {
      code: 'number_with_unit',
      is: `\`${trimmed.slice(0, 40)}\`: a number with the unit \`${unit}\` behind it`,
      fix: `Let the device send \`${number}\`, and write \`unit: "${unit}"\` into the mapping`
    }
  return doubleLook(trimmed) ?? encodedLook(trimmed, strict)
}

const isUnit = (unit: string, space: string, strict: boolean): boolean =>
  knownUnits.test(unit) ||
  ((strict || space !== '') && /^[°%µΩ]?[A-Za-z/²³]{0,8}$/.test(unit) && (strict || unit.length < 4))

/** A JSON document inside of a text. */
function doubleLook(text: string): Look | null {
  const inner = /^[[{]/.test(text) ? text : unquoted(text)
  if (inner === null || !/^\s*[[{]/.test(inner)) return null
  try {
    JSON.parse(inner)
  } catch {
    return null
  }
  return {
    code: 'double_encoded_json',
    is: 'a JSON string that holds JSON: it was encoded twice',
    fix: 'Encode it once, where the device or the program before us calls its JSON encoder twice'
  }
}

function unquoted(text: string): string | null {
  if (!text.startsWith('"')) return null
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'string' ? value : null
  } catch {
    return null
  }
}

/** Bytes written as text: as a whole, and long enough not to be a word. */
function encodedLook(text: string, strict: boolean): Look | null {
  const fix =
    'Let the device send the values themselves, or give the mapping a decoder module that decodes it first'
  if (
    strict &&
    text.length >= 6 &&
    text.length % 2 === 0 &&
    /^(0x)?[0-9a-f]+$/i.test(text) &&
    /[a-f]/i.test(text)
  )
    return { code: 'encoded_text', is: `bytes written as hex (${text.length / 2} of them)`, fix }
  if (text.length < 8 || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return null
  const decoded = Buffer.from(text, 'base64')
  const json = isUtf8(decoded) && /^\s*[[{]/.test(decoded.toString('utf8'))
  const sure = json || starts(decoded, 0x1f, 0x8b) || (text.endsWith('=') && !isText(decoded))
  if (!sure && !(strict && /\d/.test(text) && /[a-z]/.test(text) && /[A-Z]/.test(text))) return null
  return {
    code: 'encoded_text',
    is: `base64 of ${decoded.length} bytes${json ? ' of JSON' : ''}`,
    fix
  }
}

/** Why text is not JSON, as people make it; null: it cannot be told. */
export function jsonFault(text: string): { is: string; fix: string } | null {
  const trimmed = text.trim()
  if (/^[{[]\s*[{[]*\s*'/.test(trimmed) || /[:,[]\s*(True|False|None)\b/.test(trimmed))
    return {
      is: "a Python dict as text, with ' for quotes, True and None",
      fix: 'Publish `json.dumps(value)` and not `str(value)`: JSON has " for quotes, true and null'
    }
  const constant = /[:,[]\s*([+-]?(?:NaN|Infinity|nan|inf|undefined))\b/.exec(trimmed)?.[1]
  if (constant !== undefined)
    return {
      is: `JSON but for \`${constant}\``,
      fix: `JSON has no ${constant}: let the device send null, or leave the member out`
    }
  if (/^[{[]/.test(trimmed) && isOpen(trimmed))
    return {
      is: `JSON that is cut off: it ends in the middle, after ${Buffer.byteLength(text)} bytes`,
      fix: 'Make the buffer of the device larger: many MQTT clients cut at 128, 256 or 1,024 bytes'
    }
  if (/,\s*[}\]]/.test(trimmed))
    return { is: 'JSON with a comma before the end', fix: 'Leave out the comma before } or ]' }
  if (/^[{,]\s*[A-Za-z_$][\w$]*\s*:/.test(trimmed))
    return { is: 'JSON with names that have no quotes', fix: 'Put names into " quotes' }
  if (/^<[\w?!]/.test(trimmed))
    return {
      is: 'XML, not JSON',
      fix: 'Let the device send JSON, or give the mapping a decoder module that reads XML'
    }
  if (/^[^{["]/.test(trimmed))
    return {
      is: `text, not JSON: \`${trimmed.slice(0, 40)}\``,
      fix: 'Let the device send JSON, or give the mapping `decoder: text` or a decoder module'
    }
  return null
}

function isOpen(text: string): boolean {
  let open = 0
  let inString = false
  for (let index = 0; index < text.length; index++) {
    const char = text[index]
    if (inString) {
      if (char === '\\') index++
      else if (char === '"') inString = false
    } else if (char === '"') inString = true
    else if (char === '{' || char === '[') open++
    else if (char === '}' || char === ']') open--
  }
  return inString || open > 0
}
