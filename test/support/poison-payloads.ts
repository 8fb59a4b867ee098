/** Payloads that have broken a bridge, a parser or a database somewhere, and what is to be said of each. */

import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import type { PayloadFault, PayloadFormat } from '../../src/payload.ts'

export interface PoisonPayload {
  name: string
  payload: Buffer
  contentType?: string
  utf8?: boolean
  format: PayloadFormat
  fault: PayloadFault | null
}

const nested = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`

/** Content type, and payloads that have no fault unless they name one. */
const table: Array<
  [
    name: string,
    payload: string | Buffer,
    PayloadFormat,
    (PayloadFault | null)?,
    { contentType?: string; utf8?: boolean }?
  ]
> = [
  ['empty', '', 'empty'],
  ['one zero byte', '\0', 'text'],
  ['NUL in text', 'a\0b', 'text'],
  ['NUL in a JSON string', '{"a":"\\u0000"}', 'json'],
  ['NUL in a JSON name', '{"\\u0000":1}', 'json'],
  ['NUL byte in JSON', '{"a":"\0"}', 'text', 'malformed_json', { contentType: 'application/json' }],
  ['lone surrogate in a string', '{"a":"\\ud800"}', 'json'],
  ['lone surrogate in a name', '{"\\udfff":1}', 'json'],
  ['lone surrogate alone', '"\\ud800"', 'json'],
  ['noncharacters', '"\uffff\ufdd0"', 'json'],
  ['1e200000', '{"a":1e200000}', 'json', 'number_out_of_range'],
  ['1e100000', '{"a":1e100000}', 'json', 'number_out_of_range'],
  ['1e400 alone', '1e400', 'number', 'number_out_of_range'],
  ['a number of 10,000 digits', '9'.repeat(10_000), 'number', 'number_out_of_range'],
  ['NaN', 'NaN', 'text'],
  ['NaN said to be JSON', 'NaN', 'text', 'malformed_json', { contentType: 'application/json' }],
  ['-0', '-0', 'number'],
  ['2^53 + 1', '9007199254740993', 'number'],
  ['2^53 + 1 within', '{"id":9007199254740993}', 'json'],
  ['100 levels', nested(100), 'json'],
  ['101 levels', nested(101), 'text', 'too_deep'],
  ['20,000 levels', nested(20_000), 'text', 'too_deep'],
  ['100,000 levels', nested(100_000), 'text', 'too_deep', { contentType: 'application/json' }],
  ['100,000 objects', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`, 'text', 'too_deep'],
  ['100,000 levels that do not close', '['.repeat(100_000), 'text'],
  ['names that repeat', '{"a":1,"a":2}', 'json', 'duplicate_keys'],
  ['__proto__', '{"__proto__":{"admin":true},"constructor":{"prototype":1}}', 'json'],
  ['toJSON', '{"toJSON":1,"then":2,"length":-1}', 'json'],
  ['byte order mark', '\ufeff{"a":1}', 'json'],
  ['text of Postgres', `{"a":"{\\"b\\",NULL}"}','); drop table journal; --\\`, 'text'],
  ['a year of 294277', '{"at":"+294277-01-01T00:00:00Z","ts":9223372036854775807}', 'json'],
  ['0xff', Buffer.alloc(16, 0xff), 'binary'],
  ['UTF-16', Buffer.from('\ufeff{"a":1}', 'utf16le'), 'binary'],
  ['an overlong /', Buffer.from([0x2f, 0xc0, 0xaf]), 'binary'],
  ['half of a character', Buffer.from('🦀').subarray(0, 3), 'binary', 'not_utf8', { utf8: true }],
  ['latin1 as text', Buffer.from('caf\xe9', 'latin1'), 'binary', 'not_utf8', { contentType: 'text/plain' }],
  [
    'latin1 as JSON',
    Buffer.from('"caf\xe9"', 'latin1'),
    'binary',
    'not_utf8',
    { contentType: 'application/x+json' }
  ],
  ['gzip', gzipSync('{"a":1}'), 'binary'],
  ['protobuf', Buffer.from([0x08, 0x96, 0x01, 0x12, 0x03, 0x66, 0x6f, 0x6f]), 'binary'],
  ['JSON said to be bytes', '{"a":1}', 'binary', null, { contentType: 'application/octet-stream' }],
  ['HTML', '<script>alert(1)</script>', 'text', null, { contentType: 'text/html' }],
  ['a content type of nonsense', '{"a":1}', 'json', null, { contentType: '; ,"/*' }],
  ['server-sent events', 'x\n\nid: 1\nevent: gap\ndata: {}\n\n', 'text'],
  ['line separators', '"\u2028\u2029\\r\\n"', 'json'],
  ['1 MB of noise', randomBytes(1_000_000), 'binary'],
  ['100 KB of zeros', Buffer.alloc(100_000), 'text'],
  ['3 MB of noise', randomBytes(3_000_000), 'binary'],
  ['300,000 empty arrays', `[${'[],'.repeat(299_999)}[]]`, 'json']
]

export const poisonPayloads: PoisonPayload[] = table.map(
  ([name, payload, format, fault = null, said = {}]) => ({
    name,
    payload: Buffer.from(payload as string),
    format,
    fault: fault ?? null,
    ...said
  })
)

/** Random, so that no index can compress it; of a broker's longest length. */
const incompressible = (bytes: number): string =>
  `long/${randomBytes(bytes).toString('base64').replaceAll('+', '-').replaceAll('/', '_')}`.slice(0, bytes)

/** Legal names that a broker lets through, and that URLs, patterns, keys and caches may stumble over. */
export const hostileTopics: string[] = [
  incompressible(65_535),
  incompressible(65_535),
  incompressible(2_800),
  'é'.repeat(32_767),
  `"double" 'single' \`back\``,
  `'; drop table topics; --`,
  `a \${1-1} {{1}} <script>`,
  '🦀/👩‍👩‍👧',
  'caf\u00e9',
  'cafe\u0301',
  'a//b',
  '/',
  '//',
  '/a',
  'a/',
  'a',
  'a ',
  ' a',
  '__proto__',
  'constructor/toString',
  'by-id',
  'by-id/7',
  'payload',
  'x/payload',
  '%',
  '%2F',
  '%2f%25',
  'a_b',
  'a%b',
  'a\\',
  'a\\b',
  '\\x41',
  '{a,b}',
  'NULL',
  '.',
  '..',
  '../../etc/passwd',
  '?name=a&filter=b',
  '\u202egnirts',
  '\u00a0',
  '\ud83d\ude00'.repeat(100),
  Array.from({ length: 150 }, (_, level) => `l${level}`).join('/'),
  '/'.repeat(180)
]
