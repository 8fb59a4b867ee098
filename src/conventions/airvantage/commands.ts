/** Commands as tasks: a list on `tasks/json` with one task, whose uid the ack will carry. Pure. */

import { CommandFault } from '../../normalize/convention.ts'
import type { CommandTarget, ConventionCommand, RenderedCommand } from '../../normalize/convention.ts'
import { writeCommandJson } from '../command-json.ts'

const ack =
  'An ack with its uid on `{device}/acks/json`: `OK`, which proves that the device says that it is done, or `ERROR` and a message. Devices without acks say nothing, and the command times out'

/** An installation is acknowledged when all is installed. */
const installSecondsMax = 86_400

export function createCommands(prefix: string): ConventionCommand[] {
  const topic = `${prefix}{device}/tasks/json`

  const task = (
    target: CommandTarget,
    name: string,
    asked: unknown,
    parameter: string,
    effect: RenderedCommand['effect'] = null
  ): RenderedCommand => {
    const { device } = target.captures
    if (device === undefined)
      throw new CommandFault(
        null,
        `cannot be sent: ${target.device} was heard through AirVantage alone, and only devices with messages of their own have a topic for tasks`
      )
    const uid = target.id.replaceAll('-', '')
    return {
      topic: `${prefix}${device}/tasks/json`,
      payload: writeCommandJson([{ uid, timestamp: target.now, [name]: asked }], parameter),
      // AirVantage has QoS 0 and 1 on these topics
      qos: 1,
      correlation: uid,
      effect
    }
  }

  return [
    {
      name: 'read',
      about: 'Asks for values, `{"read": [path, ...]}`',
      topic,
      parameters: {
        paths: { type: 'texts', required: true, about: 'Data paths, such as `machine.temperature`' }
      },
      answer: `${ack}. The values come as an ordinary message, and are datapoints as ever`,
      render: (target, { paths }) => {
        const list = paths as string[]
        if (list.length === 0) throw new CommandFault('paths', 'must name a data path')
        return task(target, 'read', list, 'paths')
      }
    },
    {
      name: 'write',
      about: 'Sets settings, `{"write": [{path: value}, ...]}`',
      topic,
      parameters: {
        settings: {
          type: 'object',
          required: true,
          about: 'Values by their data paths: text, number or boolean'
        }
      },
      answer: `${ack}. The effect of a single setting is the datapoint of that path with that value: that the device tells it, whatever its ack says`,
      render: (target, { settings }) => {
        const entries = Object.entries(settings as Record<string, unknown>)
        if (entries.length === 0) throw new CommandFault('settings', 'must have a data path and its value')
        for (const [path, value] of entries) checkScalar('settings', path, value)
        const [[metric, value]] = entries as [[string, unknown]]
        const asked = entries.map((entry) => Object.fromEntries([entry]))
        return task(target, 'write', asked, 'settings', entries.length === 1 ? { metric, value } : null)
      }
    },
    {
      name: 'command',
      about: 'Runs a command of the application model, `{"command": {"id": ..., "params": {...}}}`',
      topic,
      parameters: {
        id: { type: 'text', required: true, about: 'Path of the command' },
        params: {
          type: 'object',
          required: false,
          about:
            'Its parameters: text, number, boolean or null; AirVantage allows no binary ones. Clients of devices take 10, of 32 characters each'
        }
      },
      answer: ack,
      render: (target, { id, params = {} }) => {
        if (id === '') throw new CommandFault('id', 'must be the path of a command, and is empty')
        for (const [name, value] of Object.entries(params as Record<string, unknown>))
          if (value !== null) checkScalar('params', name, value)
        return task(target, 'command', { id, params }, 'params')
      }
    },
    {
      name: 'swinstall',
      about: 'Installs software, `{"swinstall": {"type": ..., "revision": ..., "url": ...}}`',
      topic,
      parameters: {
        type: { type: 'text', required: true, about: 'Type of the application, such as `com.sample.device`' },
        revision: { type: 'text', required: true, about: 'Its revision' },
        url: { type: 'text', required: true, about: 'Where the device loads it from' }
      },
      answer: `${ack}. It comes when all is installed, minutes or hours later: it is waited for a day`,
      render: (target, { type, revision, url }) => {
        if (!URL.canParse(url as string))
          throw new CommandFault('url', 'must be a URL with its scheme, such as https://host/path')
        return {
          ...task(target, 'swinstall', { type, revision, url }, 'url'),
          once: true,
          timeoutSeconds: installSecondsMax
        }
      }
    }
  ]
}

/** int, double, string, boolean and date (milliseconds since 1970). */
function checkScalar(parameter: string, name: string, value: unknown): void {
  if (!['string', 'number', 'bigint', 'boolean'].includes(typeof value))
    throw new CommandFault(
      parameter,
      `must have text, numbers and booleans; ${name} is ${value === null ? 'null' : 'an object or a list'}`
    )
}
