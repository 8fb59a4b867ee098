/** Renders a command of a convention for a device that was heard on a topic, as the service does. */

import assert from 'node:assert/strict'
import { defaultLimits } from '../../src/limits.ts'
import type { CommandTarget, Convention, RenderedCommand } from '../../src/normalize/convention.ts'
import { isTemplateFault, parseTopicTemplate } from '../../src/normalize/topic-template.ts'
import { create } from './create.ts'
import { receivedAt } from '../normalize/mappings.ts'

export const commandId = '0197c0de-0000-7000-8000-0000deadbeef'

export interface Rendering {
  name: string
  topic: string
  device?: string
  parameters: Record<string, unknown>
  options?: Record<string, unknown>
  id?: string
}

export function renderCommand(
  convention: Convention,
  { name, topic, device, parameters, options = {}, id = commandId }: Rendering
): RenderedCommand {
  const { routes, commands } = create(convention, options)
  const captures = routes
    .map((route) => {
      const template = parseTopicTemplate(route.topic, defaultLimits.topicLevelsMax)
      assert.ok(!isTemplateFault(template), route.topic)
      return template.capture(topic)
    })
    .find((captured) => captured !== null)
  assert.ok(captures !== undefined, `no route for ${topic}`)
  const command = commands.find((each) => each.name === name)
  assert.ok(command !== undefined, `no command ${name}`)
  for (const [parameter, { required }] of Object.entries(command.parameters))
    assert.ok(!required || Object.hasOwn(parameters, parameter), `${parameter} is required`)
  const target: CommandTarget = {
    device: device ?? captures.device ?? 'nobody',
    topic,
    captures,
    state: null,
    attributes: {},
    id,
    now: receivedAt
  }
  return command.render(target, parameters)
}
