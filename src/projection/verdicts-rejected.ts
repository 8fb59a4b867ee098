/** Verdicts on a message that the mapping of now rejects: what was expected, and what stands there instead. Pure. */

import type { NormalizedRejection, RejectionReason } from '../datapoints.ts'
import { rejectionReasons } from '../datapoints.ts'
import type { MappingFields } from './mapping-fields.ts'
import { expressionsOf } from './mapping-fields.ts'
import type { Evidence, Seen } from './evidence.ts'
import { decoded } from './evidence.ts'
import { whyNoTime } from './verdicts-clock.ts'
import { contents, stepsOf, toExpression, valueAt, whyNothing } from './paths.ts'
import { binaryLook, endsWithNul, jsonFault, textLook } from './payload-looks.ts'
import type { Verdict } from './projections.ts'
import { verdict } from './verdict-codes.ts'

interface Rejected {
  evidence: Evidence
  seen: Seen
  fields: MappingFields | null
  rejection: NormalizedRejection
  /** The decoded payload, and its text where it is one. */
  document: unknown
  text: string | null
}

export function rejectedVerdicts(evidence: Evidence, seen: Seen): Verdict[] {
  const fields = evidence.fields.get(evidence.matched?.mapping.name ?? '') ?? null
  const { value, text } = decoded(seen.message, fields)
  const told = seen.preview.rejections.map((rejection) =>
    explain({ evidence, seen, fields, rejection, document: value, text })
  )
  return told.filter((one, index) => told.findIndex(({ code }) => code === one.code) === index)
}

/** What the look of the payload explains better than the reason does. */
const byLook = new Set<RejectionReason>([
  'not_utf8',
  'malformed_json',
  'not_a_number',
  'not_a_boolean',
  'wrong_shape',
  'nothing_selected',
  'decoder_failed',
  'unknown_presence'
])

function explain(rejected: Rejected): Verdict {
  const { seen, rejection, document, text } = rejected
  const { reason, detail } = rejection
  if (byLook.has(reason)) {
    if (endsWithNul(seen.message.payload))
      return verdict(
        reason,
        `The payload is text with the NUL behind it that ends a text in C (${detail})`,
        'Publish as many bytes as the text has (strlen), not the array that it stands in (sizeof)'
      )
    const whole = typeof document === 'string' ? document : text
    const isDocument = typeof document === 'object' && document !== null
    const binary = isDocument ? null : binaryLook(seen.message.payload)
    const look = binary ?? (whole === null ? null : lookOf(rejected, whole))
    if (look !== null) return verdict(look.code, `The payload is ${look.is} (${detail})`, look.fix)
  }
  // What a message of Protobuf holds is not known here
  const better = rejected.fields?.decoder === 'protobuf' ? null : explanations[reason]?.(rejected)
  if (better)
    return verdict(reason, better.detail === detail ? detail : `${better.detail} (${detail})`, better.fix)
  return verdict(reason, `${rejectionReasons[reason]}: ${detail}`, fixes[reason] ?? null)
}

/** JSON objects and lists are what they are, however their text looks. */
function lookOf({ document, rejection }: Rejected, whole: string): ReturnType<typeof textLook> {
  if (typeof document === 'object' && document !== null) return null
  const strict = rejection.reason === 'not_a_number' || rejection.reason === 'wrong_shape'
  return textLook(whole, strict)
}

type Better = { detail: string; fix: string } | null

const explanations: Partial<Record<RejectionReason, (rejected: Rejected) => Better>> = {
  nothing_selected: whyNothingSelected,
  wrong_shape: whyShape,
  malformed_json({ text }) {
    const fault = text === null ? null : jsonFault(text)
    return fault && { detail: `The payload is ${fault.is}`, fix: fault.fix }
  },
  malformed_binary: whyNoBinary,
  not_a_number: ({ document, text, fields }) => whyNot('number', document, text, fields),
  not_a_boolean({ document, text, fields }) {
    if (typeof document === 'object' && document !== null) return whyNot('boolean', document, text, fields)
    const word = shown(document ?? text)
    return {
      detail: `\`${word}\` is none of the words for true and false`,
      fix: `Write \`booleans: { true: ["${word}"], false: ["..."] }\` into the mapping, with the words that the device uses`
    }
  },
  unknown_presence: whyPresence,
  invalid_device: (rejected) => whyName(rejected, 'device'),
  invalid_metric: (rejected) => whyName(rejected, 'metric'),
  empty_payload: () => ({
    detail: 'The payload is empty, and the mapping expects a value',
    fix: 'Let the device send a value; an empty payload with retain clears what is retained'
  }),
  invalid_timestamp: ({ evidence, seen }) => whyNoTime(evidence, seen)
}

const fixes: Partial<Record<RejectionReason, string>> = {
  malformed_binary: 'Let the device send it whole and nothing behind it, and look whether `decoder` is right',
  not_decompressed:
    'Let the device send it whole, nothing behind it, and not too much; or write `compression: none` into the mapping if it is not compressed',
  too_deep: 'Let the device send what is flatter, or give the mapping `decoder: text` or `bytes`',
  number_out_of_range: 'Let the device send a number that a double holds, or text',
  duplicate_keys: 'Let the device use each name once in an object, or a list',
  expression_failed:
    'Try the expression with POST /v1/mappings/preview, and mind the types that its functions take',
  too_many_datapoints: 'Select less with `value`, `each` or `metrics`, or let the device send less at once',
  value_too_large: 'Select a part of it with `value`, or let the device send less',
  state_too_large: 'Look into what the decoder keeps: it must forget what it needs no more',
  decoder_failed: 'Look into the decoder module; try it with POST /v1/mappings/preview',
  decoder_timeout: 'Look into the decoder module: it must do less for each message'
}

const shown = (value: unknown): string => String(value).trim().slice(0, 40)

function whyNothingSelected({ document, fields }: Rejected): Better {
  if (fields === null) return null
  const list = fields.each === null ? null : otherList(document, fields.each)
  if (list !== null) return list
  const reasons = expressionsOf(fields).flatMap(({ at, expression }) => {
    const why = whyNothing(document, expression)
    return why === null ? [] : [{ ...why, detail: `\`${at}\`: ${why.detail}` }]
  })
  if (reasons[0] !== undefined) return reasons[0]
  if (fields.each === null) return null
  // The list is there: then it is in its items
  const items = valueAt(document, stepsOf(fields.each) ?? [])
  const item: unknown = Array.isArray(items) ? items[0] : undefined
  const inItems = { ...fields, each: null }
  const inside = expressionsOf(inItems).map(({ expression }) => whyNothing(item, expression))
  return inside.find((why) => why !== null) ?? null
}

/** Something else than the decoder of the mapping reads. */
function whyNoBinary({ seen, text, fields }: Rejected): Better {
  const decoder = fields?.decoder ?? 'auto'
  const look = binaryLook(seen.message.payload)
  if (look !== null && !look.is.toLowerCase().startsWith(decoder) && /^(CBOR|MessagePack)/.test(look.is))
    return { detail: `The payload is ${look.is}`, fix: look.fix }
  if (text === null) return null
  return {
    detail: `The payload is text, \`${shown(text)}\`, and \`decoder: ${decoder}\` expects bytes`,
    fix: 'Give the mapping `decoder: auto` or `json`'
  }
}

/** The list that was meant by `each`, where there is only one. */
function otherList(document: unknown, each: string): Better {
  if (whyNothing(document, each) === null || typeof document !== 'object' || document === null) return null
  const lists = Object.entries(document).filter(([, value]) => Array.isArray(value))
  if (lists.length !== 1) return null
  const name = toExpression([lists[0]![0]])
  return {
    detail: `\`each: ${each}\` selects nothing; there is a list in \`${name}\``,
    fix: `Write \`each: ${name}\``
  }
}

function whyShape({ document, fields }: Rejected): Better {
  if (fields?.each == null) return null
  const value = valueAt(document, stepsOf(fields.each) ?? [''])
  if (value === undefined || Array.isArray(value)) return null
  return {
    detail: `\`each: ${fields.each}\` selects ${contents(value)}, not a list`,
    fix: `Leave \`each\` out and select in \`${fields.each}\`, or write \`each: "[${fields.each}]"\` for a list of one`
  }
}

/** An object or a list came where one value was expected: the member that is one. */
function whyNot(
  what: 'number' | 'boolean',
  document: unknown,
  text: string | null,
  fields: MappingFields | null
): Better {
  const plain = shown(document ?? text)
  if (/^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$/.test(plain))
    return {
      detail: `\`${plain}\` has commas between its thousands`,
      fix: `Let the device send \`${plain.replaceAll(',', '')}\``
    }
  if (typeof document !== 'object' || document === null)
    return {
      detail: `\`${plain}\` is not a ${what}`,
      fix: `Let the device send a ${what}, or give the mapping \`decoder: text\` to take it as it is`
    }
  const member = Array.isArray(document)
    ? undefined
    : Object.entries(document).find(
        ([, value]) => typeof value === what || (what === 'number' && Number.isFinite(Number(value)))
      )
  const json = fields?.decoder === what ? '`decoder: json` and ' : ''
  return {
    detail: `The payload is ${contents(document)}, and a ${what} is expected`,
    fix:
      member === undefined
        ? `Give the mapping ${json}a \`value\` that selects a ${what}`
        : `Give the mapping ${json}\`value: ${toExpression([member[0]])}\``
  }
}

function whyPresence({ document, text, fields }: Rejected): Better {
  const words = [...(fields?.presence?.online ?? []), ...(fields?.presence?.offline ?? [])]
  const known = (value: unknown): boolean => words.includes(String(value))
  if (typeof document === 'object' && document !== null && !Array.isArray(document)) {
    const member = Object.entries(document).find(([, value]) => known(value))
    return {
      detail: `The payload is ${contents(document)}, and one of the words ${words.map((word) => `\`${word}\``).join(', ')} is expected`,
      fix:
        member === undefined
          ? 'Select the word with `value`'
          : `Write \`value: ${toExpression([member[0]])}\` into the mapping: it holds \`${String(member[1])}\``
    }
  }
  const word = shown(document ?? text)
  return {
    detail: `\`${word}\` is none of the words ${words.map((one) => `\`${one}\``).join(', ')}`,
    fix: `Write it into \`presence\`, as \`{ online: ["${word}"] }\` or \`{ offline: ["${word}"] }\`, beside the other words`
  }
}

/** Names come from the topic, or are selected in the document. */
function whyName({ evidence, fields, document }: Rejected, what: 'device' | 'metric'): Better {
  const expression = fields?.[what] ?? null
  const why = expression === null ? null : whyNothing(document, expression)
  if (why !== null) return { detail: `\`${what}\`: ${why.detail}`, fix: why.fix }
  const empty = Object.entries(evidence.matched?.captures ?? {}).find(([, value]) => value === '')
  if (empty === undefined) return null
  return {
    detail: `The level {${empty[0]}} of the topic is empty: two slashes stand beside one another, or one at the end`,
    fix: `Let the device publish with a name for {${empty[0]}} in its topic`
  }
}
