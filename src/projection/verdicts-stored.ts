/** Verdicts on a message that the mapping takes: whether what it gives is what was meant, and where it is. Pure. */

import type { Datapoint } from '../datapoints.ts'
import type { MappingFields } from './mapping-fields.ts'
import type { Evidence, Seen } from './evidence.ts'
import { decoded, toTime, valueText } from './evidence.ts'
import { whyNothing } from './paths.ts'
import { binaryLook, textLook } from './payload-looks.ts'
import type { Verdict } from './projections.ts'
import { verdict } from './verdict-codes.ts'

type Found = Omit<Datapoint, 'seq'>

const fieldsOf = ({ fields, matched }: Evidence): MappingFields | null =>
  fields.get(matched?.mapping.name ?? '') ?? null

/** What was taken, and is probably not what was meant. */
export function takenVerdicts(evidence: Evidence, seen: Seen): Verdict[] {
  const { datapoints, unchanged, presence, rejections } = seen.preview
  const found = [
    ...binaryVerdicts(evidence, seen),
    ...datapoints.slice(0, 100).flatMap((datapoint) => textVerdicts(evidence, seen, datapoint)),
    ...objectVerdicts(evidence, seen),
    ...missingMetricVerdicts(evidence, seen),
    ...presenceVerdicts(evidence, seen),
    ...nullVerdicts(datapoints),
    ...unchangedVerdicts(evidence, seen)
  ]
  if (datapoints.length + unchanged.length + presence.length + rejections.length === 0)
    found.push(
      verdict(
        'nothing_found',
        `\`${evidence.matched!.mapping.name}\` found nothing to store in the newest message`,
        'Look at the message below, and try the mapping with POST /v1/mappings/preview'
      )
    )
  return found.filter((one, index) => found.findIndex(({ code }) => code === one.code) === index)
}

/** Where nobody asked for bytes. */
function binaryVerdicts({ matched }: Evidence, { message, preview }: Seen): Verdict[] {
  if (matched!.mapping.decoder !== 'auto' || !preview.datapoints.some(({ type }) => type === 'bytes'))
    return []
  const look = binaryLook(message.payload)
  return look === null || look.is.endsWith('picture')
    ? []
    : [verdict(look.code, `The payload is ${look.is}; it is stored as bytes`, look.fix)]
}

/** Names under which digits are no number. */
const notNumbers =
  /id$|serial|code|zip|phone|version|\bfw|\bsw|\bhw|firmware|model|name|mac|imei|iccid|imsi|key|pin$|address|ip$/i

function textVerdicts(evidence: Evidence, seen: Seen, { device, metric, type, exact }: Found): Verdict[] {
  if (type !== 'text' || exact === null || exact.length > 4_096) return []
  const fields = fieldsOf(evidence)
  const asked =
    fields?.decoder === 'text' ||
    fields?.metrics.some(({ name, type: as }) => name === metric && as === 'text')
  if (asked || fields?.type === 'text') return []
  const text = Buffer.from(exact).toString('utf8')
  const what = `\`${metric}\` of \`${device}\``
  if (/^-?(0|[1-9]\d{0,14})(\.\d+)?([eE][+-]?\d+)?$/.test(text) && !notNumbers.test(metric))
    return [
      verdict(
        'text_instead_of_number',
        `${what} is the text "${text}": the device puts the number into quotes`,
        `Let the device send ${text} without quotes, or write the metric into a mapping with \`type: number\``
      )
    ]
  const look = textLook(text, false)
  const known = look === null || (look.code === 'encoded_text' && decoded(seen.message).format === 'json')
  return known ? [] : [verdict(look.code, `${what} is stored as text, and is ${look.is}`, look.fix)]
}

/** `{metric}` takes the payload whole, where it could have been members. */
function objectVerdicts(evidence: Evidence, { message, preview }: Seen): Verdict[] {
  const fields = fieldsOf(evidence)
  const [only] = preview.datapoints
  const { value } = decoded(message)
  if (fields === null) return listVerdicts(evidence, value, preview.datapoints)
  if (fields.value !== null || fields.type === 'json' || fields.metrics.length > 0) return []
  if (preview.datapoints.length !== 1 || only!.type !== 'json' || preview.captures['metric'] === undefined)
    return []
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return []
  const names = Object.keys(value).slice(0, 5)
  return [
    verdict(
      'object_as_one_metric',
      `The payload is an object with ${names.map((name) => `\`${name}\``).join(', ')}, and {metric} makes it one metric, \`${only!.metric}\``,
      'Leave {metric} out of the topic (`+` or another name instead): then the members become metrics; or name them in `metrics`'
    )
  ]
}

/** `automatic` does not look into lists. */
function listVerdicts({ topic }: Evidence, value: unknown, datapoints: readonly Found[]): Verdict[] {
  if (datapoints.length !== 1 || datapoints[0]!.type !== 'json' || !Array.isArray(value)) return []
  if (typeof value[0] !== 'object' || value[0] === null) return []
  return [
    verdict(
      'object_as_one_metric',
      `The payload is a list of ${value.length}, and \`automatic\` keeps a list as one metric, \`${datapoints[0]!.metric}\``,
      `Add a mapping for \`${topic}\` with \`each: "@"\`, and with \`metric\` and \`value\` selected in each item`
    )
  ]
}

/** Of several named metrics one is missing, and a name like it is there that none of them selects. */
function missingMetricVerdicts(evidence: Evidence, { message, preview }: Seen): Verdict[] {
  const fields = fieldsOf(evidence)
  if (fields === null || fields.each !== null || preview.datapoints.length === 0) return []
  const selected = new Set(fields.metrics.map(({ value }) => value))
  const { value: document } = decoded(message)
  return fields.metrics.flatMap(({ name, value }) => {
    if (value === null || preview.datapoints.some(({ metric }) => metric === name)) return []
    const why = whyNothing(document, value)
    const other = /^Write `(.+)` instead of/.exec(why?.fix ?? '')?.[1]
    if (other === undefined || selected.has(other)) return []
    return [verdict('metric_not_selected', `\`metrics.${name}\`: ${why!.detail}`, why!.fix)]
  })
}

const presenceTopic =
  /(^|\/)\$?(lwt|availability|available|online|connected|connection|status|state|presence)$/i
const presenceWord = /^(online|offline|connected|disconnected|available|unavailable|alive|dead|lost)$/i

/** The device's own word, or its will, where only a metric hears it. */
function presenceVerdicts(evidence: Evidence, { message, preview }: Seen): Verdict[] {
  const [only] = preview.datapoints
  if (only?.type !== 'text' || preview.presence.length > 0 || preview.datapoints.length > 1) return []
  const word = Buffer.from(only.exact ?? []).toString('utf8')
  if (!presenceTopic.test(evidence.topic) || !presenceWord.test(word) || decoded(message).format !== 'text')
    return []
  const above = evidence.topic.split('/').slice(0, -1)
  const template = [...above.slice(0, -1), '{device}', evidence.topic.split('/').at(-1)].join('/')
  return [
    verdict(
      'presence_not_mapped',
      `\`${word}\` is stored as the metric \`${only.metric}\`; the presence of the device does not follow it`,
      `Add a mapping for it, such as \`{ name: availability, topic: "${template}", presence: { online: ["${word}"] } }\` with the device's words`
    )
  ]
}

/** Where nothing of the message is stored for it. */
function unchangedVerdicts({ matched }: Evidence, { preview, stored }: Seen): Verdict[] {
  const [first, ...more] = preview.unchanged
  if (first === undefined || stored.length + preview.datapoints.length > 0) return []
  const others = more.length > 0 ? `, and so are ${more.length} more` : ''
  return [
    verdict(
      'unchanged',
      `\`${first.metric}\` of \`${first.device}\` is not stored${others}: ${first.why}`,
      `Nothing is wrong. To store each datapoint, leave \`store\` out of \`${matched!.mapping.name}\``
    )
  ]
}

function nullVerdicts(datapoints: readonly Found[]): Verdict[] {
  if (datapoints.length === 0 || datapoints.some(({ type }) => type !== 'null')) return []
  const names = [...new Set(datapoints.map(({ metric }) => `\`${metric}\``))].slice(0, 5)
  return [
    verdict(
      'null_value',
      `The newest message says null for ${names.join(', ')}, so that latest is null`,
      'Let the device leave out what it has no value for, or read older ones with /v1/datapoints'
    )
  ]
}

export function storedVerdict(
  { matched, seen: all, state }: Evidence,
  { fact, message, preview, stored }: Seen
): Verdict {
  const { seq } = fact
  const told = stored
    .slice(0, 5)
    .map(
      (one) =>
        `\`${one.metric}\` of \`${one.device}\` = ${valueText(one)}${one.unit === null ? '' : ` ${one.unit}`}, observed ${toTime(one.observedAt)}`
    )
  const presence = preview.presence.map((one) => `\`${one.device}\` is ${one.presence}`)
  const more = stored.length > 5 ? `, and ${stored.length - 5} more` : ''
  const where = `${[...told, ...presence].join('; ')}${more} (message ${seq}, received ${toTime(message.receivedAt)}, mapping \`${matched!.mapping.name}\`)`
  const onlyFound = all.every((one) => one.fact.kind === 'snapshot') && state?.latest.seq === seq
  if (onlyFound)
    return verdict(
      'retained_only',
      `The broker had this message retained when we came; nothing was published since. Stored: ${where}`,
      'If it should have come by now, check the device: the broker keeps a retained message however old it is'
    )
  return verdict('stored', `Stored: ${where}`)
}
