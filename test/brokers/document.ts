/**
 * Renders docs/brokers.md from what the full runs measured: `npm run docs` writes it, test/documents.test.ts compares it.
 * What is said of a broker here follows from what it can do, so that it changes with the measurement.
 */

import { writeFileSync } from 'node:fs'
import type { Abilities, TopicAbility } from '../support/known-brokers.ts'
import { read } from './results.ts'

type Measured = Abilities & { version: string }

interface Ledger {
  published: number
  lost: number
  repeated: number
  outOfOrder: number
  kills: number
}

const yesNo = (value: boolean): string => (value ? 'yes' : 'no')
const onlyMqtt5 =
  (show: (able: Measured) => string) =>
  (able: Measured): string =>
    able.versions.includes('5') ? show(able) : '–'
const hex = (code: number | null): string =>
  code === null ? 'none' : `0x${code.toString(16).padStart(2, '0')}`
const topic = (ability: TopicAbility): string => ability.replace(/^becomes (.+)$/, 'becomes `$1`')

/** One line of the table: what it says, and how it is read from a measurement. */
const lines: Array<[string, (able: Measured) => string]> = [
  ['version', (able) => able.version],
  ['MQTT', (able) => able.versions.join(' and ')],
  ['grants for QoS 0, 1, 2', (able) => able.grantedQos.join(', ')],
  [
    'a PUBLISH of QoS 2',
    ({ qos2ArrivesAs }) =>
      qos2ArrivesAs === null ? 'closes the connection' : `arrives as QoS ${qos2ArrivesAs}`
  ],
  ['retained, by exact topic', (able) => yesNo(able.retainedByExactTopic)],
  ['retained, by `+` and `#`', (able) => yesNo(able.retainedByWildcard)],
  ['retain as published', onlyMqtt5((able) => yesNo(able.retainAsPublished))],
  ['retain handling 2', onlyMqtt5((able) => yesNo(able.retainHandling2))],
  ['retained messages expire', onlyMqtt5((able) => yesNo(able.retainedExpires))],
  ['session resumed', (able) => yesNo(able.sessionResumed)],
  ['queues QoS 1 while we are away', (able) => yesNo(able.queuesQos1Offline)],
  ['queues QoS 0 while we are away', (able) => yesNo(able.queuesQos0Offline)],
  ['sends again what was not acknowledged', (able) => able.redelivers],
  ['... with DUP', (able) => yesNo(able.redeliversWithDup)],
  ['... with the same identifier', (able) => yesNo(able.redeliversSameIdentifiers)],
  ['identifiers count up', (able) => able.identifiersInSequence],
  ['copies for two filters that overlap', (able) => String(able.copiesOfOverlappingFilters)],
  ['tells who is taken over', (able) => hex(able.takeOverReasonCode)],
  ['tells that nobody is subscribed', (able) => hex(able.nobodySubscribedReasonCode || null)],
  ['`$share/...`', (able) => able.sharedSubscriptions],
  ['topic with a space', (able) => topic(able.topics.space)],
  ['topic with a dot', (able) => topic(able.topics.dot)],
  ['topic with a star', (able) => topic(able.topics.star)],
  ['topic with an emoji', (able) => topic(able.topics.emoji)],
  ['topic with an empty level', (able) => topic(able.topics.emptyLevel)],
  ['topic that begins with `/`', (able) => topic(able.topics.leadingSlash)]
]

/** How Rialto behaves with a broker, by what that can do. */
const consequences: Array<[(able: Measured) => boolean, string]> = [
  [
    (able) => !able.versions.includes('5'),
    'Rialto tries MQTT 5 first and goes on with 3.1.1. `retain` of a live message is `null` and `retainedStatus` is `unknown`: 3.1.1 does not tell. A message that clears a retained one arrives as an empty message, not as a tombstone. Properties, message expiry and `rialto-command-id` do not travel.'
  ],
  [
    (able) => !able.retainedByWildcard,
    'What is retained before Rialto subscribes is found only under exact topics: name those in `RIALTO_TOPICS` beside the wildcards. What cannot be found is not taken for cleared.'
  ],
  [
    (able) => able.grantedQos[2] < 2 && able.qos2ArrivesAs !== null,
    'QoS 2 is taken as QoS 1, without a word, in both directions: a message may come twice.'
  ],
  [
    (able) => able.qos2ArrivesAs === null,
    'A command of QoS 2 closes the publishing connection. Rialto tries it again, alone, and after four connections the command is `refused`; others are published in between. Receiving has a connection of its own and goes on.'
  ],
  [
    (able) => Object.values(able.topics).includes('closes the connection'),
    'A command to a topic that closes the connection ends in the same way.'
  ],
  [
    (able) => Object.values(able.topics).includes('becomes +'),
    'A topic that arrives with a wildcard in it is no topic name: the message is kept as a gap with cause `invalid_topic`.'
  ],
  [
    (able) => Object.values(able.topics).some((ability) => ability === 'becomes /'),
    'Topics with a dot arrive, and are stored, with a slash instead.'
  ],
  [
    (able) => able.redelivers === 'later',
    'What was not acknowledged when a connection ended comes after what is newer, so after a crash the latest message of a topic can be an older one until the next.'
  ],
  [
    (able) => able.identifiersInSequence !== 'across connections',
    'Repetitions after a crash cannot be told from new messages, since identifiers are used again; they are stored.'
  ],
  [
    (able) => able.identifiersInSequence === 'across connections' && able.redeliversWithDup,
    'Repetitions after a crash are recognised and not stored again, once a session has had more messages than the receive maximum (5,000).'
  ],
  [
    (able) => able.copiesOfOverlappingFilters > 1,
    'A message that matches two filters comes, and is stored, twice: do not let `RIALTO_TOPICS` overlap.'
  ],
  [
    (able) => able.nobodySubscribedReasonCode === 0x10,
    'A command of QoS 1 or 2 for nobody ends as `undeliverable`.'
  ],
  [
    (able) => able.nobodySubscribedReasonCode === 0,
    'A command for nobody is `published`: the broker does not tell.'
  ],
  [
    (able) => able.takeOverReasonCode === null,
    'When another client takes the client id, the connection just ends.'
  ]
]

/** What an operator sets, by broker; what was not measured is not here. */
const settings: Record<string, string[]> = {
  Mosquitto: [
    '`persistence true`, `autosave_on_changes true` and `autosave_interval 1`: otherwise a crash takes sessions and retained messages with it.',
    '`max_queued_messages 0` with `max_queued_bytes`: the default drops what comes after 1,000 queued messages, without a word.',
    '`max_inflight_messages`: the window of clients of 3.1.1.',
    '[docs/mosquitto/mosquitto.conf](mosquitto/mosquitto.conf) has them all.'
  ],
  RabbitMQ: [
    '`mqtt.prefetch`: how many messages may wait for our acknowledgement (we ran 1000).',
    '`mqtt.subscription_ttl`: how long, in milliseconds, the queue of an absent Rialto lives.'
  ],
  NATS: [
    '`ack_wait`: when it sends again what was not acknowledged, also to a client that is back (we ran 2 s).',
    '`max_ack_pending`: how many messages may wait for our acknowledgement (we ran 1000); after a crash as many can be repeated.',
    '`server_name` and `jetstream` are required.'
  ],
  'The embedded broker': [
    'For development: it acknowledges before it stores, in memory, so that it is not in the ledger. Retained messages survive an orderly stop.'
  ]
}

const vendors = `## By their documentation, not run here

A scripted broker that closes the connection of whoever breaks these rules:
[test/mqtt/vendors.test.ts](../test/mqtt/vendors.test.ts).

**AWS IoT Core** ([MQTT](https://docs.aws.amazon.com/iot/latest/developerguide/mqtt.html),
[limits](https://docs.aws.amazon.com/iot/latest/developerguide/limits-iot.html),
[quotas](https://docs.aws.amazon.com/general/latest/gr/iot-core.html),
[persistent sessions](https://docs.aws.amazon.com/iot/latest/developerguide/mqtt-persistent-sessions.html),
[policies](https://docs.aws.amazon.com/iot/latest/developerguide/connect-policy.html),
[limits that its SDK checks](https://aws.github.io/aws-iot-device-sdk-js-v2/node/enums/mqtt5.ClientExtendedValidationAndFlowControl.html))

- 8 filters in a SUBSCRIBE: Rialto sends no more. 50 subscriptions on a connection: name fewer than 50 in \`RIALTO_TOPICS\`.
- No QoS 2, and no answer to who asks for it: Rialto asks for no more than the server's Maximum QoS, and a command of
  QoS 2 is \`refused\`.
- 128 KB of payload, topics of 7 slashes and 256 bytes: a command beyond that closes the publishing connection, and is
  \`refused\` after four.
- One connect a second for a client id: attempts that come too early are repeated with growing delays.
- A policy must allow PersistentConnect and LastWill, and the client ids \`rialto-p-*\` (publishing) and the one of the
  session, with what follows it. Where the publishing one is refused, receiving goes on, commands wait, and
  \`publisherConnected\` of /v1/status is false.
- A session is kept for an hour by default, and what it queued comes at 10 messages a second: raise the former.

**HiveMQ** ([MQTT configuration](https://docs.hivemq.com/hivemq-edge/mqtt-specific-configuration.html))

- Receive Maximum 10: no more commands than that wait for its answer at once.
- Maxima for keep alive and session expiry override ours; its keep alive is kept.

**EMQX** ([MQTT](https://docs.emqx.com/en/emqx/latest/configuration/mqtt.html),
[rate limit](https://docs.emqx.com/en/emqx/latest/guides/rate-limit.md),
[retained messages](https://docs.emqx.com/zh/emqx/v5.0/mqtt/mqtt-retained-messages.html))

- Packets of 1 MB: a larger command is \`refused\` without being sent.
- Filters that it refuses are in \`refusedFilters\` of /v1/status; the others work.
- Retained messages come at a rate, in batches, after SUBACK.
- With \`retain_available = false\` Rialto's own status and will are not retained, and commands that ask for it are \`refused\`.

**VerneMQ** ([non-standard options](https://docs.vernemq.com/configuration/nonstandard),
[options](https://docs.vernemq.com/2.1.0/configuring-vernemq/options))

- Client ids of 23 characters: the publishing one has 21. A \`RIALTO_CLIENT_ID\` of your own must leave room for what follows it.
- Topics of 10 levels. \`max_offline_messages\` is 1,000: more are dropped while Rialto is away; set -1.

**All of them**: DISCONNECT with 0x8B, 0x98, 0x9C or 0x9D, and CONNACK with 0x89, 0x97, 0x9C or 0x9F, lead to another
attempt at the same address, with growing delays, at MQTT 5. A server reference is not followed.
`

export async function brokersDocument(): Promise<string> {
  const abilities = Object.entries((await read('abilities')) as Record<string, Measured>)
  const ledgers = Object.entries((await read('ledger')) as Record<string, Ledger>)
  const table = [
    `| | ${abilities.map(([name]) => name).join(' | ')} |`,
    `|---${'|---'.repeat(abilities.length)}|`,
    ...lines.map(([label, show]) => `| ${label} | ${abilities.map(([, able]) => show(able)).join(' | ')} |`)
  ]
  const ledger = ledgers.map(
    ([name, { published, kills, lost, repeated, outOfOrder }]) =>
      `| ${name} | ${published} | ${kills} | ${lost} | ${repeated} | ${outOfOrder} |`
  )
  const sections = abilities.map(([name, able]) =>
    [
      `## ${name}`,
      '',
      ...consequences.flatMap(([applies, text]) => (applies(able) ? [`- ${text}`] : [])),
      '',
      'To configure:',
      '',
      ...(settings[name] ?? []).map((text) => `- ${text}`),
      ''
    ].join('\n')
  )
  return `# Brokers

Generated by \`npm run docs\` from [brokers/abilities.json](brokers/abilities.json) and
[brokers/ledger.json](brokers/ledger.json), which \`FULL=1 npm run test:brokers\` measures against real servers, the first
three as Debian 12 has them. The same run holds these abilities equal to what the other tests expect of each broker.

## What they can do

${table.join('\n')}

## Nothing lost

Messages that the broker took from a publisher, against rows in Postgres, while Rialto is killed (SIGKILL) again and again.
Repeated: stored more than once. Out of order: within a topic, by their first row.

| | published | kills | lost | repeated | out of order |
|---|---|---|---|---|---|
${ledger.join('\n')}

${sections.join('\n')}
${vendors}`
}

if (process.argv[1] === new URL(import.meta.url).pathname)
  writeFileSync(new URL('../../docs/brokers.md', import.meta.url), await brokersDocument())
