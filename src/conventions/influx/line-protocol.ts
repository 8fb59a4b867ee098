/** The grammar of InfluxDB line protocol: one pass over the text, in linear time. Pure. */

/** https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/ */
export interface Point {
  measurement: string
  tags: ReadonlyArray<[name: string, value: string]>
  fields: ReadonlyArray<[name: string, value: number | bigint | boolean | string]>
  /** Digits as they stand there; null: there is none. */
  timestamp: string | null
}

export interface LineFault {
  line: number
  fault: string
}

/** `point` tells whether to go on. */
export function readLines(
  text: string,
  point: (given: Point) => boolean,
  fault: (given: LineFault) => void
): void {
  const scanner = new Scanner(text)
  let [lineAt, line] = [0, 1]
  const lineOf = (at: number): number => {
    for (; lineAt < at; lineAt++) if (text.charCodeAt(lineAt) === newline) line++
    return line
  }
  for (;;) {
    scanner.skip(' \t\r\n')
    if (scanner.done) return
    const from = scanner.at
    if (text[from] === '#') {
      scanner.toNextLine(from)
      continue
    }
    try {
      const read = scanner.point((message, at) => fault({ line: lineOf(at), fault: message }))
      if (read.fields.length > 0 && !point(read)) return
    } catch (error) {
      if (!(error instanceof SyntaxFault)) throw error
      fault({ line: lineOf(from), fault: error.message })
      scanner.toNextLine(error.unterminated ? from : scanner.at)
    }
  }
}

const newline = 0x0a

class SyntaxFault extends Error {
  /** A string without an end: it may have taken lines that are none of its own. */
  readonly unterminated: boolean

  constructor(message: string, unterminated = false) {
    super(message)
    this.unterminated = unterminated
  }
}

class Scanner {
  at = 0
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  get done(): boolean {
    return this.at >= this.#text.length
  }

  skip(chars: string): void {
    while (!this.done && chars.includes(this.#text[this.at]!)) this.at++
  }

  toNextLine(from: number): void {
    const end = this.#text.indexOf('\n', from)
    this.at = end === -1 ? this.#text.length : end + 1
  }

  point(fault: (message: string, at: number) => void): Point {
    const measurement = this.#name(', ', ', ')
    if (measurement === '') throw new SyntaxFault('there is no measurement')
    const tags: Array<[string, string]> = []
    while (this.#take(',')) {
      const name = this.#name('=, ', '=, ')
      if (!this.#take('=')) throw new SyntaxFault(`the tag ${short(name)} has no value`)
      const value = this.#name('=, ', '=, ')
      if (name === '' || value === '') throw new SyntaxFault('a tag has no name or no value')
      if (this.#text[this.at] === '=') throw new SyntaxFault(`the tag ${short(name)} has two values`)
      tags.push([name, value])
    }
    if (!this.#take(' ')) throw new SyntaxFault('there are no fields')
    this.skip(' ')
    const fields = this.#fields(fault)
    const spaced = this.#take(' ')
    this.skip(' ')
    const timestamp = spaced ? this.#until(' \r\n') : ''
    this.skip(' \r')
    if (!this.done && this.#text[this.at] !== '\n')
      throw new SyntaxFault('something stands behind the timestamp')
    return { measurement, tags, fields, timestamp: timestamp === '' ? null : timestamp }
  }

  #fields(fault: (message: string, at: number) => void): Point['fields'] {
    const fields: Array<[string, number | bigint | boolean | string]> = []
    do {
      const at = this.at
      const name = this.#name('=, ', '=, ')
      if (name === '' || !this.#take('=')) throw new SyntaxFault('a field has no name or no value')
      if (this.#text[this.at] === '"') {
        fields.push([name, this.#string()])
        continue
      }
      const written = this.#until(', \r\n')
      const value = readFieldValue(written)
      if (value === null) fault(`${short(written)} is no value of the field ${short(name)}`, at)
      else fields.push([name, value])
    } while (this.#take(','))
    return fields
  }

  #take(char: string): boolean {
    if (this.#text[this.at] !== char) return false
    this.at++
    return true
  }

  #until(ends: string): string {
    const from = this.at
    while (!this.done && !ends.includes(this.#text[this.at]!)) this.at++
    return this.#text.slice(from, this.at)
  }

  /** A backslash takes the meaning from what is in `escaped`; before anything else it is one. */
  #name(ends: string, escaped: string): string {
    let [name, from] = ['', this.at]
    for (; !this.done; this.at++) {
      const char = this.#text[this.at]!
      if (char === '\n' || char === '\r' || ends.includes(char)) break
      const next = this.#text[this.at + 1]
      if (char !== '\\' || next === undefined || !escaped.includes(next)) continue
      name += this.#text.slice(from, this.at)
      from = ++this.at
    }
    return name + this.#text.slice(from, this.at)
  }

  /** It may have several lines; only `\"` and `\\` are escapes. */
  #string(): string {
    let [string, from] = ['', ++this.at]
    for (; !this.done; this.at++) {
      const char = this.#text[this.at]
      if (char === '"') {
        string += this.#text.slice(from, this.at++)
        return string
      }
      const next = this.#text[this.at + 1]
      if (char !== '\\' || (next !== '"' && next !== '\\')) continue
      string += this.#text.slice(from, this.at)
      from = ++this.at
    }
    throw new SyntaxFault('a text has no end', true)
  }
}

const booleans = new Map([
  ...['t', 'T', 'true', 'True', 'TRUE'].map((word) => [word, true] as const),
  ...['f', 'F', 'false', 'False', 'FALSE'].map((word) => [word, false] as const)
])

/** null: none. */
function readFieldValue(text: string): number | bigint | boolean | null {
  const boolean = booleans.get(text)
  if (boolean !== undefined) return boolean
  if (text.length > 400) return null
  if (/^-?\d{1,20}i$/.test(text)) {
    const value = BigInt(text.slice(0, -1))
    return BigInt.asIntN(64, value) === value ? toNumber(value) : null
  }
  if (/^\d{1,20}u$/.test(text)) {
    const value = BigInt(text.slice(0, -1))
    return BigInt.asUintN(64, value) === value ? toNumber(value) : null
  }
  if (!/^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(text)) return null
  const value = Number(text)
  return Number.isFinite(value) ? value : null
}

const toNumber = (value: bigint): number | bigint =>
  Number.isSafeInteger(Number(value)) ? Number(value) : value

const short = (text: string): string => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)
