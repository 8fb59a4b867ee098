/** What can be asked to be published, in SDL. */

export const payloadsInput = /* GraphQL */ `
  "A JSON value to publish. Give exactly one payload; null is none."
  payload: JSON
  "How payload is sent; absent: json. Where there is no content type, cbor and msgpack give theirs."
  encoding: PayloadEncoding
  "Text to publish as it is."
  payloadText: String
  "Bytes to publish."
  payloadBase64: Base64`

export const payloadInput = /* GraphQL */ `
  ${payloadsInput}
  "Quality of service to publish with: 0, 1 or 2."
  qos: Int! = 1`

const commandInput = /* GraphQL */ `
  "Topic name to publish to, without wildcards."
  topic: String
  "Name of a device, instead of a topic: its convention or mapping says which message it is, with which QoS."
  device: String
  "With a device: name of one of its commands. The parameters are the members of the payload."
  name: String
  ${payloadInput}
  "Whether the broker keeps it as the topic's retained message."
  retain: Boolean! = false
  "It is not published before; a time that is past: at once. At most 30 days ahead."
  notBefore: DateTime
  "Seconds after which it is no longer published, and no longer delivered by the broker."
  expiresInSeconds: Int
  "How long what it awaits is waited for after it is published, in seconds; absent: 60."
  timeoutSeconds: Int
  "What is done where nobody knows whether the broker has it."
  delivery: Delivery! = atLeastOnce
  "What it waits for after it is published; absent: what can be known of it, a response, else an effect, else nothing."
  awaits: Awaits
  "The effect to wait for."
  expect: ExpectInput
  "How the response of a topic is known."
  response: ResponseInput
  "MQTT 5 properties to publish with it."
  properties: PropertiesInput`

const conditionInput = /* GraphQL */ `
  "It is published only if the topic's state still has this \`seq\`, or with \`*\` if there is a retained message: see docs/conditions.md."
  ifMatch: String
  "\`*\`: it is published only if there is no retained message."
  ifNoneMatch: String`

export const retainedArguments = /* GraphQL */ `
  ${conditionInput}
  "Seconds to wait for the broker at most, 0 to 60."
  waitSeconds: Int! = 5`

export const commandInputs = /* GraphQL */ `
  "A message to publish."
  input CommandInput {
    ${commandInput}
  }

  "A message to publish, and how to answer."
  input SendCommandInput {
    ${commandInput}
    ${conditionInput}
    "The same key with the same input is the same command, however often it is sent."
    idempotencyKey: String
    "Seconds to wait at most until it is final, 0 to 60."
    waitSeconds: Int! = 0
  }

  "An effect: the state of a topic."
  input ExpectInput {
    "Topics whose state shows it: a filter."
    filter: String!
    "What must hold of the state of one of them, such as \`eq(payload/state,\\"on\\")\`: docs/reading.md has the language."
    where: String!
  }

  "How a response is known. It answers MQTT 5 correlation data, where the command has some, and satisfies all that is given."
  input ResponseInput {
    "Topics on which it comes: a filter. Absent: the response topic, which is made where there is none in \`properties\`."
    filter: String
    "What must hold of a message so that it is the response."
    where: String
    "What holds of it if the device did what it was asked to; otherwise the command has failed."
    ok: String
  }

  "MQTT 5 properties to publish with a message."
  input PropertiesInput {
    "The payload's MIME type."
    contentType: String
    "1: the payload is UTF-8 text. 0: it is bytes."
    payloadFormatIndicator: Int
    "Topic name for an answer."
    responseTopic: String
    "What the answer is to repeat."
    correlationData: Base64
    "Pairs of name and value, in order; names may repeat."
    userProperties: [[String!]!]
  }
`
