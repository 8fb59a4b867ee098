/**
 * What people get wrong between a device and a datapoint: written down from what they do, before there was anything that
 * could name it. `culprit` is the code that the first verdict must have, and `says` what its words must contain.
 */

export interface Published {
  /** Another one than the topic that is asked for. */
  topic?: string
  payload: string | Uint8Array
  retain?: boolean
  expirySeconds?: number
}

export interface Mistake {
  mistake: string
  bridge: BridgeName
  /** The topic that the operator asks about. */
  topic: string
  published: readonly Published[]
  culprit: string
  says: RegExp
}

/** RIALTO_TOPICS and rialto.yaml of the services; what is wrong with them is said in the table below. */
export const bridges = {
  filters: {
    topics: [
      'Plant/#',
      'building/+',
      'facotry/#',
      'depot/*/temp',
      'meter/+',
      'greenhouse/#',
      'home/kitchen',
      'city/+/air',
      '/yard/#',
      "'quoted/+/temp'",
      'sensor/#',
      'ok/#'
    ],
    mappings: 'automatic: true\n'
  },
  none: { topics: ['#'], mappings: null },
  automatic: { topics: ['#'], mappings: 'automatic: true\n' },
  conventions: { topics: ['#'], mappings: 'automatic: true\nconventions: [tasmota, homeassistant, json]\n' },
  mapped: {
    topics: ['#'],
    mappings: `
mappings:
  - { name: line, topic: "line/{site}/{device}/{metric}" }
  - { name: boiler, topic: "Boiler/{device}/{metric}" }
  - { name: warehouse, topic: "warehuose/{device}/{metric}" }
  - { name: tank, topic: "tank/{device}/level" }
  - { name: roof, topic: "roof/{device}/{metric}" }
  - { name: everything, topic: "pump/{device+}", decoder: json, metrics: [{ name: flow, value: flow }] }
  - { name: pumps, topic: "pump/{device}/rpm", decoder: number, metric: rpm }
  - { name: fan-all, topic: "fan/{device}/{metric}", decoder: text }
  - { name: fan-speed, topic: "fan/{device}/speed", decoder: number, metric: speed }
  - { name: same, topic: "same/{device}", store: { deadband: 1 }, metrics: [{ name: t, value: t }] }
  - { name: typo, topic: "typo/{device}", metric: temperature, value: tmp }
  - { name: cased, topic: "cased/{device}", metric: temperature, value: temperature }
  - { name: listed, topic: "listed/{device}", metric: temperature, value: temp }
  - { name: nested, topic: "nested/{device}", metric: temperature, value: temp }
  - { name: dotted, topic: "dotted/{device}", metric: temperature, value: machine.temperature }
  - { name: bare, topic: "bare/{device}", metric: temperature, decoder: number }
  - { name: comma, topic: "comma/{device}", metric: temperature, decoder: number }
  - { name: unit, topic: "unit/{device}", metric: temperature, decoder: number }
  - { name: switch, topic: "switch/{device}", metric: "on", decoder: boolean }
  - { name: pairs, topic: "pairs/{device}", decoder: json }
  - { name: python, topic: "python/{device}", decoder: json }
  - { name: nan, topic: "nan/{device}", decoder: json }
  - { name: cut, topic: "cut/{device}", decoder: json }
  - { name: floats, topic: "floats/{device}", metric: temperature, decoder: number }
  - { name: msgpack, topic: "msgpack/{device}", decoder: json }
  - { name: gzip, topic: "gzip/{device}", decoder: json, compression: none }
  - { name: zipped, topic: "zipped/{device}", metrics: [{ name: t, value: temp }] }
  - { name: packed, topic: "packed/{device}", decoder: msgpack }
  - { name: nested-cbor, topic: "cbor/{device}", decoder: cbor, metric: t, value: temp }
  - { name: wide, topic: "wide/{device}", decoder: json }
  - { name: lora, topic: "lora/{device}", metric: temperature, decoder: number }
  - { name: hex, topic: "hex/{device}", metric: temperature, decoder: number }
  - { name: twice, topic: "twice/{device}", metric: temperature, value: temp }
  - { name: quoted, topic: "quoted/{device}", metric: temperature, value: temp }
  - { name: empty, topic: "empty/{device}", metric: temperature, decoder: number }
  - { name: records, topic: "records/{device}", each: records, metric: { select: name }, value: value }
  - { name: single, topic: "single/{device}", each: samples, metric: { select: name }, value: value }
  - { name: nameless, topic: "site/{device}/{metric}" }
  - { name: serial, topic: "serial/up", device: { select: serial } }
  - { name: seconds, topic: "seconds/{device}", metrics: [{ name: t, value: t }], timestamp: { select: ts, unit: ms } }
  - { name: millis, topic: "millis/{device}", metrics: [{ name: t, value: t }], timestamp: { select: ts, unit: s } }
  - { name: unset, topic: "unset/{device}", metrics: [{ name: t, value: t }], timestamp: { select: ts } }
  - { name: zone, topic: "zone/{device}", metrics: [{ name: t, value: t }], timestamp: { select: ts } }
  - { name: local, topic: "local/{device}", metrics: [{ name: t, value: t }], timestamp: { select: ts } }
  - { name: elsewhere, topic: "elsewhere/{device}", metrics: [{ name: t, value: t }], timestamp: { select: timestamp } }
  - { name: late, topic: "late/{device}", metrics: [{ name: t, value: t }], timestamp: { select: ts } }
  - { name: alive, topic: "alive/{device}/lwt", presence: {} }
  - { name: document, topic: "document/{device}/availability", presence: {} }
  - { name: press, topic: "press/{device}", metrics: [{ name: action, value: action }], merge: event }
  - { name: whole, topic: "whole/{device}/{metric}" }
  - { name: nothing, topic: "nothing/{device}", metrics: [{ name: t, value: t }, { name: h, value: h }] }
  - { name: rooms, topic: "rooms/{room}/+/temp", device: "{room}", metric: temp }
  - { name: several, topic: "several/{device}", metrics: [{ name: t, value: temp }, { name: h, value: humidty }] }
  - { name: names, topic: "names/{device}", decoder: json }
  - { name: nul, topic: "nul/{device}", decoder: json }
  - { name: nul-number, topic: "nul-number/{device}", metric: t, decoder: number }
  - { name: thousands, topic: "thousands/{device}", metric: t, decoder: number }
  - { name: loose, topic: "loose/{device}", decoder: json }
  - { name: xml, topic: "xml/{device}", decoder: json }
  - { name: csv, topic: "csv/{device}", metric: t, decoder: number }
  - { name: dotnet, topic: "dotnet/{device}", metrics: [{ name: t, value: t }], timestamp: { select: ts } }
  - { name: micros, topic: "micros/{device}", metrics: [{ name: t, value: t }], timestamp: { select: ts, unit: s } }
  - { name: shouted, topic: "shouted/{device}/lwt", presence: {} }
  - { name: ok, topic: "ok/{device}/{metric}" }
  - { name: ok-object, topic: "ok-object/{device}", metrics: [{ name: temp, value: data.temp, unit: "°C" }], timestamp: { select: ts } }
  - { name: ok-presence, topic: "ok-presence/{device}/lwt", presence: {} }
  - { name: ok-first, topic: "ok-first/{device}/speed", metric: speed, decoder: number }
  - { name: ok-rest, topic: "ok-first/{device}/{metric}" }
  - { name: ok-words, topic: "ok-words/{device}", metric: "on", decoder: boolean, booleans: { true: ["ON"], false: ["OFF"] } }
  - { name: ok-each, topic: "ok-each/{device}", each: records, metric: { select: name }, value: value }
`
  },
  unreachable: { topics: ['#'], mappings: 'automatic: true\n' },
  password: { topics: ['#'], mappings: 'automatic: true\n' },
  denied: { topics: ['secret/#', 'ok/#'], mappings: 'automatic: true\n' },
  same: { topics: ['#'], mappings: 'automatic: true\n' },
  old: { topics: ['#'], mappings: 'automatic: true\n' },
  /** The mapping was wrong when the message came, and is right now; what was stored was not done again. */
  repaired: {
    topics: ['#'],
    mappings: 'mappings: [{ name: m, topic: "r/{device}", metric: t, value: tmp }]\n',
    repaired: 'rebuild: false\nmappings: [{ name: m, topic: "r/{device}", metric: t, value: temp }]\n'
  }
} as const satisfies Record<string, { topics: string[]; mappings: string | null; repaired?: string }>

export type BridgeName = keyof typeof bridges

const now = Date.now()
const hour = 3_600_000
const json = (value: unknown): Published => ({ payload: JSON.stringify(value) })
const text = (payload: string): Published => ({ payload })
const bytes = (hex: string): Published => ({ payload: Buffer.from(hex, 'hex') })

type Row = [
  mistake: string,
  topic: string,
  published: readonly Published[] | Published,
  culprit: string,
  says: RegExp
]

const on = (bridge: BridgeName, rows: readonly Row[]): Mistake[] =>
  rows.map(([mistake, topic, published, culprit, says]) => ({
    mistake,
    bridge,
    topic,
    published: Array.isArray(published) ? published : [published],
    culprit,
    says
  }))

export const mistakes: readonly Mistake[] = [
  // Between the broker and us
  ...on('unreachable', [['the port of the broker is wrong', 'a/b', [], 'not_connected', /MQTT_URL/]]),
  ...on('password', [['the password is wrong', 'a/b', [], 'not_connected', /MQTT_USERNAME|MQTT_PASSWORD/]]),
  ...on('same', [['another client uses our client id', 'a/b', [], 'session_taken_over', /RIALTO_CLIENT_ID/]]),
  ...on('denied', [
    ['the broker does not let us read the topic', 'secret/a', text('1'), 'filter_refused', /secret\/#/]
  ]),
  ...on('old', [
    [
      'the message is larger than we take',
      'camera/1/picture',
      { payload: Buffer.alloc(200_000, 'x') },
      'too_large',
      /200[,.]?\d{3}/
    ]
  ]),

  // RIALTO_TOPICS
  ...on('filters', [
    ['upper and lower case in a filter', 'plant/a/temp', text('1'), 'no_filter_matches', /Plant\/#.*case/s],
    [
      'one + for several levels',
      'building/1/floor/2',
      text('1'),
      'no_filter_matches',
      /building\/\+.*one level/s
    ],
    ['a letter wrong in a filter', 'factory/a/temp', text('1'), 'no_filter_matches', /facotry\/#/],
    ['* as a wildcard', 'depot/7/temp', text('1'), 'no_filter_matches', /depot\/\*\/temp.*\+/s],
    ['a slash at the end of the topic', 'meter/7/', text('1'), 'no_filter_matches', /meter\/\+.*slash/s],
    [
      'a slash at the beginning of the topic',
      '/greenhouse/1',
      text('1'),
      'no_filter_matches',
      /greenhouse\/#.*slash/s
    ],
    [
      'a slash at the beginning of the filter',
      'yard/gate',
      text('1'),
      'no_filter_matches',
      /\/yard\/#.*slash/s
    ],
    ['a filter without /#', 'home/kitchen/temp', text('1'), 'no_filter_matches', /home\/kitchen\/#/],
    [
      'too few + in a filter',
      'city/north/5/air',
      text('1'),
      'no_filter_matches',
      /city\/\+\/air.*(3|three|4|four) levels/s
    ]
  ]),
  ...on('automatic', [
    ['# for topics of the broker itself', '$SYS/broker/uptime', [], 'no_filter_matches', /\$SYS/]
  ]),

  // Asking for another topic than the device has
  ...on('automatic', [
    [
      'asked for a topic that nobody has',
      'cellar/sensor/temperature',
      { topic: 'cellar/sensor/temp', payload: '21' },
      'never_received',
      /cellar\/sensor\/temp\b/
    ],
    [
      'asked in another case',
      'attic/sensor/temp',
      { topic: 'Attic/Sensor/temp', payload: '21' },
      'never_received',
      /Attic\/Sensor\/temp/
    ],
    ['nothing was published at all', 'nobody/is/here', [], 'never_received', /broker/],
    ['asked for a filter', 'cellar/+/temp', [], 'not_a_topic', /wildcard/]
  ]),

  // Which mapping
  ...on('none', [
    ['no rialto.yaml, and automatic not asked for', 'a/b/c', text('1'), 'no_mapping_matches', /automatic/]
  ]),
  ...on('mapped', [
    [
      'fewer levels than the template',
      'line/a/temp',
      text('1'),
      'no_mapping_matches',
      /line\/\{site\}.*levels/s
    ],
    [
      'upper and lower case in the template',
      'boiler/boiler-1/temp',
      text('1'),
      'no_mapping_matches',
      /Boiler\/.*case/s
    ],
    [
      'a letter wrong in the template',
      'warehouse/warehouse-1/temp',
      text('1'),
      'no_mapping_matches',
      /warehuose/
    ],
    ['another last level than the template', 'tank/tank-1/temp', text('1'), 'no_mapping_matches', /level/],
    [
      'a slash at the beginning, not in the template',
      '/roof/1/temp',
      text('1'),
      'no_mapping_matches',
      /roof\/.*slash/s
    ],
    [
      'a broad mapping stands first, and rejects',
      'pump/pump-1/rpm',
      text('900'),
      'shadowed_by',
      /everything/
    ],
    ['a broad mapping stands first, and takes text', 'fan/fan-1/speed', text('900'), 'shadowed_by', /fan-all/]
  ]),

  ...on('conventions', [
    [
      'a device of a convention that cuts its JSON off',
      'tele/cut/SENSOR',
      text('{"a":1,"b"'),
      'malformed_json',
      /cut off/
    ],
    ['a topic that is nearly one of a convention', 'tele/near/STATES', text('no JSON'), 'stored', /STATES/]
  ]),

  // What the payload is
  ...on('mapped', [
    [
      'a letter missing in an expression',
      'typo/typo-1',
      json({ temp: 21.5, hum: 40 }),
      'nothing_selected',
      /\btemp\b/
    ],
    [
      'a name in another case',
      'cased/cased-1',
      json({ Temperature: 21.5 }),
      'nothing_selected',
      /\bTemperature\b/
    ],
    ['a list around the object', 'listed/listed-1', json([{ temp: 21.5 }]), 'nothing_selected', /list/],
    [
      'a level of the object forgotten',
      'nested/nested-1',
      json({ data: { temp: 21.5 } }),
      'nothing_selected',
      /data\.temp/
    ],
    [
      'a dot that is part of the name',
      'dotted/dotted-1',
      json({ 'machine.temperature': 21.5 }),
      'nothing_selected',
      /dot|quot/
    ],
    ['an object where a number was expected', 'bare/bare-1', json({ value: 21.5 }), 'not_a_number', /value/],
    ['a decimal comma', 'comma/comma-1', text('21,5'), 'decimal_comma', /21\.5/],
    ['a unit behind the number', 'unit/unit-1', text('21.5 °C'), 'number_with_unit', /°C/],
    ['other words than true and false', 'switch/switch-1', text('open'), 'not_a_boolean', /booleans/],
    [
      'text where JSON was expected',
      'pairs/pairs-1',
      text('temp=21.5;hum=40'),
      'malformed_json',
      /text|JSON/
    ],
    [
      "Python's text of a dict",
      'python/python-1',
      text("{'temp': 21.5, 'on': True}"),
      'malformed_json',
      /Python|json\.dumps|quote/
    ],
    ['NaN in JSON', 'nan/nan-1', text('{"temp": NaN}'), 'malformed_json', /NaN/],
    ['JSON cut off by a small buffer', 'cut/cut-1', text('{"temp": 21.5, "hum'), 'malformed_json', /cut|end/],
    ['four bytes of a float', 'floats/floats-1', bytes('0000ac41'), 'binary_payload', /float|21\.5/],
    [
      'MessagePack',
      'msgpack/msgpack-1',
      bytes('82a474656d70cb4035800000000000a368756d28'),
      'binary_payload',
      /MessagePack/
    ],
    [
      'gzip',
      'gzip/gzip-1',
      bytes('1f8b0800000000000003ab562a49cd2d50b2323232d433ad05005b1e4a930d000000'),
      'binary_payload',
      /gzip/
    ],
    [
      'gzip cut off',
      'zipped/zipped-1',
      bytes('1f8b0800000000000003ab562a49cd2d50b23232d433ad05005b1e4a930d'),
      'not_decompressed',
      /whole/
    ],
    [
      'CBOR where MessagePack was expected',
      'packed/packed-1',
      bytes('a26474656d70fb40358000000000006368756d1828'),
      'malformed_binary',
      /`decoder: cbor`/
    ],
    [
      'JSON where MessagePack was expected',
      'packed/packed-2',
      json({ temp: 21.5 }),
      'malformed_binary',
      /`decoder: auto`/
    ],
    [
      'a level of the document forgotten, in CBOR',
      'cbor/cbor-1',
      bytes('a16464617461a16474656d7018 15'.replace(' ', '')),
      'nothing_selected',
      /data\.temp/
    ],
    [
      'UTF-16',
      'wide/wide-1',
      { payload: Buffer.from('\ufeff{"temp":21.5}', 'utf16le') },
      'binary_payload',
      /UTF-16/
    ],
    ['base64 of a LoRaWAN payload', 'lora/lora-1', text('AWcA4QJoUA8='), 'encoded_text', /base64/i],
    ['bytes written as hex', 'hex/hex-1', text('016700E1026850'), 'encoded_text', /hex/i],
    [
      'JSON in a JSON string',
      'twice/twice-1',
      json(JSON.stringify({ temp: 21.5 })),
      'double_encoded_json',
      /twice|string/
    ],
    [
      'a number in quotes',
      'quoted/quoted-1',
      json({ temp: '21.5' }),
      'text_instead_of_number',
      /type: number/
    ],
    [
      'a letter wrong in one of several expressions',
      'several/several-1',
      json({ temp: 21.5, humidity: 40 }),
      'metric_not_selected',
      /`humidity`/
    ],
    ['a name twice in an object', 'names/names-1', text('{"t": 1, "t": 2}'), 'duplicate_keys', /once/],
    ['an empty payload', 'empty/empty-1', text(''), 'empty_payload', /empty/],
    [
      'another name of the list',
      'records/records-1',
      json({ items: [{ name: 't', value: 1 }] }),
      'nothing_selected',
      /items/
    ],
    [
      'one object where a list was expected',
      'single/single-1',
      json({ samples: { name: 't', value: 1 } }),
      'wrong_shape',
      /list/
    ],
    ['an empty level where the device is', 'site//temp', text('1'), 'invalid_device', /empty/],
    [
      'the device is to be read from a name that is not there',
      'serial/up',
      json({ sn: 'A1', temp: 21 }),
      'invalid_device',
      /serial/
    ],
    [
      'an object under a metric of its own',
      'whole/whole-1/climate',
      json({ temp: 21.5, hum: 40 }),
      'object_as_one_metric',
      /\{metric\}|metrics/
    ],
    ['null for a value', 'nothing/nothing-1', json({ t: null, h: null }), 'null_value', /null/]
  ]),
  ...on('automatic', [
    [
      'a number in quotes, without a mapping',
      'q/1',
      json({ temp: '21.5' }),
      'text_instead_of_number',
      /temp/
    ],
    ['a decimal comma, without a mapping', 'c/1/temp', text('21,5'), 'decimal_comma', /21\.5/],
    ['a unit behind the number, without a mapping', 'u/1/temp', text('21.5 C'), 'number_with_unit', /\bC\b/],
    [
      'an availability topic without a mapping',
      'lamp/1/LWT',
      { payload: 'Online', retain: true },
      'presence_not_mapped',
      /presence/
    ],
    [
      'the retained message was cleared',
      'gone/1/temp',
      [
        { payload: '21', retain: true },
        { payload: '', retain: true }
      ],
      'cleared',
      /cleared|empty/
    ],
    [
      'the retained message expired',
      'brief/1/temp',
      { payload: '21', retain: true, expirySeconds: 1 },
      'expired',
      /expir/
    ]
  ]),
  // Written later, in one go, and measured before anything was changed for them
  ...on('mapped', [
    [
      'the NUL that ends a text in C, behind JSON',
      'nul/nul-1',
      text('{"temp":21.5}\0'),
      'malformed_json',
      /NUL/
    ],
    [
      'the NUL that ends a text in C, behind a number',
      'nul-number/nul-1',
      text('21.5\0'),
      'not_a_number',
      /NUL/
    ],
    [
      'a separator of thousands',
      'thousands/thousands-1',
      text('1,234.5'),
      'not_a_number',
      /1234\.5|thousand/
    ],
    ['names without quotes', 'loose/loose-1', text('{temp: 21.5}'), 'malformed_json', /quotes/],
    ['a comma before the end', 'loose/loose-2', text('{"temp": 21.5,}'), 'malformed_json', /comma/],
    ['XML', 'xml/xml-1', text('<temp>21.5</temp>'), 'malformed_json', /XML/],
    ['several numbers in one text', 'csv/csv-1', text('21.5;40;1013'), 'not_a_number', /;/],
    [
      'a date of .NET',
      'dotnet/dotnet-1',
      json({ t: 1, ts: `/Date(${now})/` }),
      'invalid_timestamp',
      /RFC 3339/
    ],
    [
      'microseconds said to be seconds',
      'micros/micros-1',
      json({ t: 1, ts: now * 1000 }),
      'invalid_timestamp',
      /unit: us/
    ],
    ['a word of presence in capitals', 'shouted/shouted-1/lwt', text('ONLINE'), 'unknown_presence', /ONLINE/]
  ]),
  ...on('filters', [
    [
      'quotes that became part of the filter',
      'quoted/a/temp',
      text('1'),
      'no_filter_matches',
      /'quoted.*quot/s
    ],
    ['singular and plural', 'sensors/a/b', text('1'), 'no_filter_matches', /sensor\/#/]
  ]),
  ...on('automatic', [
    [
      'a list of records, without a mapping',
      'records/a',
      json([
        { n: 't', v: 1 },
        { n: 'h', v: 2 }
      ]),
      'object_as_one_metric',
      /each/
    ],
    [
      'a space behind the topic',
      'shed/door/state',
      { topic: 'shed/door/state ', payload: '1' },
      'never_received',
      /space|`shed\/door\/state `/
    ]
  ]),

  // When it was
  ...on('mapped', [
    [
      'seconds said to be milliseconds',
      'seconds/seconds-1',
      json({ t: 1, ts: Math.floor(now / 1000) }),
      'clock_behind',
      /unit: s\b|seconds/
    ],
    [
      'milliseconds said to be seconds',
      'millis/millis-1',
      json({ t: 1, ts: now }),
      'clock_ahead',
      /unit: ms\b|milliseconds/
    ],
    [
      'a clock that was never set',
      'unset/unset-1',
      json({ t: 1, ts: 12_345 }),
      'clock_behind',
      /not set|NTP/
    ],
    [
      'local time given as UTC',
      'zone/zone-1',
      json({ t: 1, ts: new Date(now + 2 * hour).toISOString() }),
      'clock_ahead',
      /zone/
    ],
    [
      'a time without a zone',
      'local/local-1',
      json({ t: 1, ts: '2026-11-24 17:00:00' }),
      'invalid_timestamp',
      /zone|RFC 3339/
    ],
    [
      'the timestamp has another name',
      'elsewhere/elsewhere-1',
      json({ t: 1, ts: now }),
      'timestamp_missing',
      /\bts\b/
    ],
    [
      'an older message after a newer one',
      'late/late-1',
      [json({ t: 1, ts: now }), json({ t: 2, ts: now - hour })],
      'older_than_latest',
      /latest/
    ]
  ]),

  // What it says of the device
  ...on('mapped', [
    [
      'a level of the topic that tells two sensors apart is not used',
      'rooms/kitchen/north/temp',
      [{ payload: '21' }, { topic: 'rooms/kitchen/south/temp', payload: '19' }],
      'other_topic',
      /rooms\/kitchen\/south\/temp/
    ],
    ['another word for online', 'alive/alive-1/lwt', text('alive'), 'unknown_presence', /alive/],
    [
      'a JSON object on an availability topic',
      'document/document-1/availability',
      json({ status: 'online' }),
      'unknown_presence',
      /status/
    ],
    [
      'events, and somebody looks for the latest value',
      'press/press-1',
      json({ action: 'single' }),
      'only_events',
      /event/
    ]
  ]),
  ...on('repaired', [
    ['the mapping was repaired after the message', 'r/1', json({ temp: 21.5 }), 'redrive_needed', /redrive/]
  ])
]

/** What is right must not be blamed. */
export const rightOnes: readonly Mistake[] = [
  ...on('conventions', [
    ['a device of a convention', 'tele/plug/STATE', json({ POWER: 'ON' }), 'stored', /POWER/],
    ['an object of no other convention', 'kitchen/oven', json({ temperature: 180 }), 'stored', /temperature/]
  ]),
  ...on('mapped', [
    ['a number by a template', 'ok/ok-1/temp', text('21.5'), 'stored', /temp/],
    ['a text by a template', 'ok/ok-1/firmware', text('v1.2-rc3'), 'stored', /firmware/],
    [
      'an object with a timestamp',
      'ok-object/ok-object-1',
      json({ ts: now, data: { temp: 21.5 } }),
      'stored',
      /temp/
    ],
    ['a word of presence', 'ok-presence/ok-presence-1/lwt', text('online'), 'stored', /online/],
    ['the broad mapping stands last', 'ok-first/ok-first-1/speed', text('900'), 'stored', /ok-first/],
    ['words for true and false', 'ok-words/ok-words-1', text('ON'), 'stored', /on/],
    [
      'a list of records',
      'ok-each/ok-each-1',
      json({
        records: [
          { name: 't', value: 1 },
          { name: 'h', value: 2 }
        ]
      }),
      'stored',
      /\bt\b/
    ]
  ]),
  {
    ...on('mapped', [
      ['as the last stored one', 'same/same-1', json({ t: 21.5 }), 'unchanged', /same-1.*21, /]
    ])[0]!,
    published: [json({ t: 21 }), json({ t: 21.5 })]
  },
  ...on('automatic', [
    ['an object', 'sensor/1', json({ temp: 21.5, on: true, name: 'kitchen' }), 'stored', /temp/],
    ['a scalar', 'sensor/2/temp', text('21.5'), 'stored', /sensor\/2/],
    ['a text with digits and letters', 'sensor/2/mac', text('A4CF12D3E4F5'), 'stored', /mac/],
    ['a sentence', 'sensor/2/note', text('valve 3, opened by hand'), 'stored', /note/]
  ]),
  ...on('filters', [['matched by one of several filters', 'ok/1/temp', text('21.5'), 'stored', /temp/]])
]
