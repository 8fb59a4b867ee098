/** Devices over GraphQL, on the whole service: from MQTT through a real projection, and the same as on REST and SSE. */

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { postJson, request, startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { subscribe } from '../support/chain.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'
import { mappingFile } from '../support/projection.ts'
import { openSse } from '../support/sse.ts'

const mappings = (type: string): string => `
mappings:
  - name: readings
    topic: site/{device}/{metric}
    decoder: ${type}
  - name: many
    topic: many/{device}
    decoder: json
  - name: alive
    topic: alive/{device}
    presence: {}
`
const file = await mappingFile(mappings('number'))
const { url: mqttUrl } = await startBroker()
const { url } = await startBridge({ mqttUrl, config: { mappingsFile: file } })
const { client } = await connectClient(mqttUrl)
const publish = (topic: string, payload: string | Buffer) => client.publishAsync(topic, payload, { qos: 1 })

async function answer(query: string, variables: Record<string, unknown> = {}) {
  return (await postJson(`${url}/graphql`, { query, variables })).body
}

async function ask(query: string, variables: Record<string, unknown> = {}) {
  const { data, errors } = await answer(query, variables)
  assert.equal(errors, undefined, JSON.stringify(errors))
  return data
}

/** What has been received is projected. */
const projected = (): Promise<boolean> =>
  eventually(async () => (await ask('{ mappings { lag } }')).mappings.lag === 0)
const here = (path: string, what: (body: never) => boolean): Promise<boolean> =>
  eventually(async () => what((await request(`${url}/v1/${path}`)).body as never))

const datapointFields = `seq n device metric topic type value valueText valueBase64 unit quality observedAt receivedAt clock role`
const payloadFields = `format payload payloadText payloadBase64 payloadFault
  properties { contentType payloadFormatIndicator messageExpiryInterval responseTopic correlationData userProperties }`
const deviceFields = `device seq mapping topic firstSeenAt lastSeenAt presence presenceAt presenceSource offlineAfterSeconds
  attributes metricCount`
const metricFields = `device metric seq type unit topic latest { ${datapointFields} }`
const rejectionFields = `seq n topic mapping reason detail receivedAt raw { ${payloadFields} }`

for (const [topic, payload] of [
  ['site/a/temperature', '21.5'],
  ['site/a/total', '9007199254740993'],
  ['site/a/temperature', '22'],
  ['site/b/temperature', 'broken'],
  ['site/d/temperature', '5'],
  ['alive/d', 'offline'],
  ['many/c', '{"x":1,"y":{"on":true},"z":null,"text":"häuser"}'],
  ['alive/a', 'online']
] as const)
  await publish(topic, payload)
await here('devices', ({ items }: { items: Array<{ device: string; presence: string }> }) =>
  items.some(({ device, presence }) => device === 'a' && presence === 'online')
)
await projected()

test('devices, metrics, datapoints and rejections are the same objects as on REST', async () => {
  const {
    devices,
    device,
    datapoints,
    rejections,
    rejectionCounts,
    mappings: state,
    projections
  } = await ask(`{
    devices { nodes { ${deviceFields} } }
    device(id: "a") { ${deviceFields} metrics { nodes { ${metricFields} } } }
    datapoints(device: "a") { nodes { ${datapointFields} } }
    rejections { nodes { ${rejectionFields} } }
    rejectionCounts { mapping reason count }
    mappings { file hash loadedAt doneSeq lag faults { line column pointer message fix }
      mappings { name topic filter decoder merge stateful offlineAfterSeconds line
        commands { name topic responseTopic correlation } } }
    projections { id state mappingHash mappingText doneSeq targetSeq progress createdAt switchedAt }
  }`)
  const rest = async (path: string) => (await request(`${url}/v1/${path}`)).body
  const { metrics, ...own } = device
  // On REST a list carries the latest datapoints of metrics that it is asked for by name
  const listed = (await rest('devices')).items.map(
    ({ metrics: _latest, ...item }: { metrics: object }) => item
  )
  assert.deepEqual(devices.nodes, listed)
  assert.deepEqual(own, await rest('devices/a'))
  assert.deepEqual(metrics.nodes, (await rest('devices/a/metrics')).items)
  assert.deepEqual(datapoints.nodes, (await rest('datapoints?device=a')).items)
  assert.deepEqual(rejections.nodes, (await rest('rejections')).items)
  assert.deepEqual(rejectionCounts, (await rest('rejections/counts')).items)
  assert.deepEqual(state, await rest('mappings'))
  assert.deepEqual(projections, (await rest('projections')).items)
  assert.equal(
    metrics.nodes.find(({ metric }: { metric: string }) => metric === 'total').latest.valueText,
    '9007199254740993'
  )
  assert.equal(datapoints.nodes.length, 3)
  assert.deepEqual(rejectionCounts, [{ mapping: 'readings', reason: 'not_a_number', count: 1 }])
  assert.equal((await ask('{ device(id: "never") { seq } }')).device, null)
})

test('an explanation and a preview are the same as on REST', async () => {
  const mapping = `mapping { name topic filter decoder merge stateful offlineAfterSeconds line
    commands { name topic responseTopic correlation } }`
  const newFields = datapointFields.replace('seq ', '')
  const preview = `topic ${mapping} captures datapoints { ${newFields} } unchanged { ${newFields} why }
    presence { device presence source at } rejections { reason detail } attributes { device attributes }
    commands { name topic responseTopic } state`
  const { explain } = await ask(`{ explain(topic: "site/b/temperature") {
    topic verdicts { code detail fix } filters { filter subscribed refusedWith } ${mapping} captures shadowed
    messages { seq kind at message { seq topic receivedAt qos retain dup ${payloadFields} } preview { ${preview} } }
    rejections { ${rejectionFields} } rejectionCounts { reason count } devices } }`)
  const rest = await request(`${url}/v1/explain?topic=site/b/temperature`)
  assert.deepEqual(explain, rest.body)
  assert.equal(explain.messages[0].preview.rejections[0].reason, 'not_a_number')

  const document = `query ($input: PreviewInput!) { previewMapping(input: $input) { ${preview} } }`
  for (const input of [
    { topic: 'site/new/temperature', payloadText: '5' },
    { topic: 'site/new/temperature', payload: { a: 1 } },
    { topic: 'nowhere', payloadBase64: '' },
    { seq: explain.messages[0].seq },
    { topic: 'x', payload: 1, mappings: 'automatic: true' },
    {
      topic: 'again/a',
      payloadBase64: Buffer.from('{"total":9007199254740993}').toString('base64'),
      mappings: 'mappings: [{ name: again, topic: "again/{device}", store: { deadband: 1 } }]'
    }
  ]) {
    const { previewMapping } = await ask(document, { input })
    const { body } = await postJson(`${url}/v1/mappings/preview`, input)
    // A made-up message is received when it is previewed
    const still = (given: object): unknown =>
      JSON.parse(JSON.stringify(given), (name, value) =>
        /^(observedAt|receivedAt|at)$/.test(name) ? '' : value
      )
    assert.deepEqual(still(previewMapping), still(body), JSON.stringify(input))
  }
})

test('lists of devices and datapoints are read page by page', async () => {
  for (let index = 0; index < 12; index++) await publish(`site/pages-${index % 4}/m`, `${index}`)
  await here('datapoints?device=pages-3', ({ items }: { items: unknown[] }) => items.length === 3)
  async function all(
    document: string,
    list: string,
    variables: object = {}
  ): Promise<Array<Record<string, unknown>>> {
    const nodes: Array<Record<string, unknown>> = []
    let after: string | null = null
    do {
      const data: Record<string, any> = await ask(document, { after, ...variables }) // eslint-disable-line typescript/no-explicit-any
      const page = data[list]
      nodes.push(...page.nodes)
      assert.equal(page.pageInfo.hasPreviousPage, after !== null)
      after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null
    } while (after !== null)
    return nodes
  }
  const info = 'pageInfo { hasNextPage hasPreviousPage endCursor }'
  const devices = `query ($after: String, $order: Order! = asc) {
    devices(first: 2, after: $after, order: $order) { nodes { device } ${info} } }`
  const names = (await all(devices, 'devices')).map(({ device }) => device)
  assert.deepEqual(new Set(names).size, names.length)
  assert.ok(['a', 'c', 'pages-0', 'pages-1', 'pages-2', 'pages-3'].every((name) => names.includes(name)))
  const back = (await all(devices, 'devices', { order: 'desc' })).map(({ device }) => device)
  assert.deepEqual(back, names.toReversed())
  const datapoints = `query ($after: String, $order: Order! = asc) {
    datapoints(device: "pages-1", first: 1, after: $after, order: $order) { edges { cursor } nodes { value } ${info} } }`
  for (const [order, values] of [
    ['asc', [1, 5, 9]],
    ['desc', [9, 5, 1]]
  ] as const)
    assert.deepEqual(
      (await all(datapoints, 'datapoints', { order })).map(({ value }) => value),
      values
    )
})

test('the cursor of an edge goes on behind it', async () => {
  const edges = async (list: string, given: string, field: string) => {
    const { [list]: whole } = await ask(`{ ${list}(${given}) { edges { cursor node { ${field} } } } }`)
    for (const [at, { cursor }] of whole.edges.entries()) {
      const { [list]: rest } = await ask(`{ ${list}(${given}, after: "${cursor}") { nodes { ${field} } } }`)
      const behind = whole.edges.slice(at + 1).map(({ node }: { node: unknown }) => node)
      assert.deepEqual(rest.nodes, behind)
    }
    return whole.edges.length
  }
  await publish('site/b/temperature', 'again')
  await here('rejections', ({ items }: { items: unknown[] }) => items.length === 2)
  assert.ok((await edges('devices', 'order: desc', 'device')) >= 6)
  assert.equal(await edges('datapoints', 'device: "pages-1"', 'value'), 3)
  assert.equal(await edges('datapoints', 'device: "c"', 'metric'), 4)
  assert.equal(await edges('rejections', 'order: asc', 'seq n'), 2)
})

test('metrics of devices, and their datapoints, in one request; too many pages are refused', async () => {
  const { devices } = await ask(`{ devices(first: 50) { nodes { device metrics(first: 3) { nodes { metric
    datapoints(first: 2, order: asc) { nodes { value } } } } } } }`)
  const a = devices.nodes.find(({ device }: { device: string }) => device === 'a')
  const temperature = a.metrics.nodes.find(({ metric }: { metric: string }) => metric === 'temperature')
  assert.deepEqual(temperature.datapoints.nodes, [{ value: 21.5 }, { value: 22 }])
  const wide = Array.from(
    { length: 40 },
    (_unused, index) => `m${index}: metrics(first: 1000) { nodes { seq } }`
  )
  const { errors } = await answer(`{ devices { nodes { ${wide.join(' ')} } } }`)
  assert.deepEqual(
    [...new Set(errors.map((one: { extensions: { code: string } }) => one.extensions.code))],
    ['query_too_complex']
  )
})

test('what cannot be asked is an error with a code', async () => {
  const { devices } = await ask('{ devices(first: 1) { pageInfo { endCursor } } }')
  const after = devices.pageInfo.endCursor
  for (const [document, code] of [
    ['{ devices(first: 0) { cursor } }', 'invalid_value'],
    ['{ devices(first: 1001) { cursor } }', 'page_too_large'],
    [`{ devices(order: desc, after: "${after}") { cursor } }`, 'cursor_kind'],
    [`{ datapoints(device: "a", after: "${after}") { cursor } }`, 'cursor_kind'],
    [
      '{ datapoints(device: "a", from: "2026-01-02T00:00:00.000Z", to: "2026-01-01T00:00:00.000Z") { cursor } }',
      'invalid_value'
    ],
    ['{ datapoints(device: "a", from: "yesterday") { cursor } }', 'invalid_value'],
    ['{ rejections(reason: nonsense) { cursor } }', 'invalid_value'],
    ['{ rejections(filter: "a/#/b") { cursor } }', 'invalid_filter'],
    ['{ explain(topic: "") { topic } }', 'invalid_topic'],
    ['{ previewMapping(input: {}) { topic } }', 'invalid_value'],
    ['{ previewMapping(input: { topic: "a" }) { topic } }', 'invalid_value'],
    ['{ previewMapping(input: { seq: "1", payload: 1 }) { topic } }', 'invalid_value'],
    ['{ previewMapping(input: { seq: "999999999999" }) { topic } }', 'not_found'],
    [
      '{ previewMapping(input: { topic: "a", payload: 1, mappings: "mappings: 5" }) { topic } }',
      'invalid_value'
    ],
    ['mutation { redrive(filter: "a/#/b") { cursor } }', 'invalid_filter'],
    ['mutation { forgetDevice(id: "never") { cursor } }', 'not_found'],
    ['mutation { forgetTopic(name: "never") { cursor } }', 'not_found']
  ] as const) {
    const { errors } = await answer(document)
    assert.equal(errors?.[0].extensions.code, code, `${document}: ${JSON.stringify(errors)}`)
  }
  assert.deepEqual(await ask('{ redrive(id: "x") { id } }'), { redrive: null })
})

test('events, SSE, datapoints and presence tell the same, with the same cursors', async () => {
  const types = 'message,state,datapoint,presence'
  const sse = await openSse(`${url}/v1/stream?types=${types}&after=earliest`)
  const events = subscribe(
    url,
    `subscription { events(types: [message, state, datapoint, presence], after: "earliest") { cursor type message { seq }
      state { topic } datapoint { ${datapointFields} } presence { seq device from to source at topic } } }`
  )
  const datapoints = subscribe(
    url,
    `subscription { datapoints(device: "a", metric: "temperature", after: "earliest") {
      cursor datapoint { ${datapointFields} } skipped { from } } }`
  )
  const presence = subscribe(
    url,
    'subscription { presence(device: "a", after: "earliest") { cursor presence { to } } }'
  )
  await publish('site/a/temperature', '99')
  const last = await sse.find('datapoint', ({ datapoint }) => datapoint.value === 99)
  await eventually(() => events.at(-1)?.events.cursor === last.id)
  await eventually(() => datapoints.at(-1)?.datapoints.cursor === last.id)
  await eventually(() => presence.length > 0)

  const exact = sse.events.filter(({ event }) => event === 'datapoint' || event === 'presence')
  const told = events.filter(({ events: { type } }) => type === 'datapoint' || type === 'presence')
  assert.deepEqual(
    told.map(({ events: { type, datapoint, presence: change } }) => [type, datapoint ?? change]),
    exact.map(({ event, data }) => [event, data.datapoint ?? data.presence])
  )
  assert.ok(exact.length >= 20)
  const temperatures = exact.filter(
    ({ data: { datapoint } }) => datapoint?.device === 'a' && datapoint.metric === 'temperature'
  )
  assert.deepEqual(
    datapoints.map(({ datapoints: { datapoint } }) => datapoint),
    temperatures.map(({ data }) => data.datapoint)
  )
  assert.deepEqual(
    presence.map((one) => one.presence.presence.to),
    ['online']
  )

  // Any event's cursor of one surface goes on where it stands on the other, within a message, too
  const many = exact.findIndex(({ data }) => data.datapoint?.topic === 'many/c')
  for (const at of [many, many + 1, many + 2]) {
    const rest = subscribe(
      url,
      'subscription ($after: String) { events(types: [datapoint, presence], after: $after) { type datapoint { seq n } presence { seq } } }',
      { after: exact[at]!.id }
    )
    const expected = exact.slice(at + 1).map(({ data }) => data.datapoint ?? data.presence)
    await eventually(() => rest.length > expected.length)
    assert.deepEqual(
      rest.slice(1).map(({ events: { datapoint, presence: change } }) => datapoint?.seq ?? change.seq),
      expected.map(({ seq }) => seq)
    )
  }
})

test('a mended mapping is reloaded, a redrive is told to those who follow, and forgetting forgets', async () => {
  const { gaps } = await ask('{ gaps(first: 1) { cursor } }')
  const live = subscribe(
    url,
    `subscription ($after: String) { datapoints(device: "b", after: $after) { datapoint { value valueText } } }`,
    { after: gaps.cursor }
  )
  await writeFile(file, mappings('nonsense'))
  const { errors } = await answer('mutation { reloadMappings { changed } }')
  assert.equal(errors[0].extensions.code, 'invalid_value')
  assert.match(errors[0].extensions.errors[0].detail, /decoder/i)
  await writeFile(file, mappings('auto'))
  const { reloadMappings } = await ask(
    'mutation { reloadMappings(rebuild: false) { changed hash building { id } cursor } }'
  )
  assert.deepEqual([reloadMappings.changed, reloadMappings.building], [true, null])

  const { redrive } = await ask(
    'mutation { redrive(filter: "site/b/+", reason: not_a_number) { redrive { id state filters reason } cursor } }'
  )
  assert.deepEqual([redrive.redrive.filters, redrive.redrive.reason], [['site/b/+'], 'not_a_number'])
  const fields =
    'id state mode filters reason mapping from to principal createdAt finishedAt lastSeq untilSeq messages accepted error'
  const done = await eventually(async () => {
    const data = await ask(
      `query ($id: ID!) { redrive(id: $id) { ${fields} } redrives { ${fields} } }`,
      redrive.redrive
    )
    return data.redrive.state === 'done' && data
  })
  assert.deepEqual(done.redrives, [done.redrive])
  assert.deepEqual(done.redrive, (await request(`${url}/v1/redrives/${redrive.redrive.id}`)).body)
  assert.deepEqual([done.redrive.messages, done.redrive.accepted], [2, 2])
  await eventually(() => live.length === 2)
  assert.deepEqual(
    live.map(({ datapoints: { datapoint } }) => datapoint),
    [
      { value: 'broken', valueText: 'broken' },
      { value: 'again', valueText: 'again' }
    ]
  )

  const { forgetDevice, forgetTopic } = await ask(
    'mutation { forgetDevice(id: "b") { devices datapoints cursor } forgetTopic(name: "many/c") { topics messages cursor } }'
  )
  assert.deepEqual(
    [forgetDevice.devices, forgetDevice.datapoints, forgetTopic.topics, forgetTopic.messages],
    [1, 2, 1, 1]
  )
  assert.deepEqual(await ask('{ device(id: "b") { seq } topic(name: "many/c") { seq } }'), {
    device: null,
    topic: null
  })
})

test('a list of devices that a rebuild overtook says so', async () => {
  const { devices } = await ask('{ devices(first: 1) { pageInfo { endCursor } } }')
  const { device } = await ask('{ device(id: "a") { metrics(first: 1) { pageInfo { endCursor } } } }')
  await writeFile(file, mappings('text'))
  const { reloadMappings } = await ask('mutation { reloadMappings { building { id state } } }')
  assert.equal(reloadMappings.building.state, 'building')
  await eventually(async () =>
    (await ask('{ projections { id state } }')).projections.some(
      ({ id, state }: { id: string; state: string }) =>
        id === reloadMappings.building.id && state === 'current'
    )
  )
  for (const [document, after] of [
    ['query ($after: String) { devices(first: 1, after: $after) { cursor } }', devices.pageInfo.endCursor],
    [
      'query ($after: String) { device(id: "a") { metrics(first: 1, after: $after) { cursor } } }',
      device.metrics.pageInfo.endCursor
    ]
  ]) {
    const { errors } = await answer(document, { after })
    assert.equal(errors?.[0].extensions.code, 'cursor_expired')
  }
})
