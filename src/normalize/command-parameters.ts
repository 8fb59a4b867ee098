/** Parameters of a convention's command, checked before it is rendered. Pure. */

import type { CommandParameter, ConventionCommand } from './convention.ts'
import { CommandFault } from './convention.ts'

/** Throws CommandFault with what to do. Nothing is converted. */
export function checkParameters(
  { name: command, parameters }: Pick<ConventionCommand, 'name' | 'parameters'>,
  given: Readonly<Record<string, unknown>>
): Record<string, unknown> {
  const known = Object.keys(parameters)
  const checked: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  for (const [name, value] of Object.entries(given)) {
    if (!known.includes(name))
      throw new CommandFault(
        name,
        known.length === 0
          ? `is not known: ${command} has no parameters`
          : `is not known; ${command} has ${known.join(', ')}`
      )
    const { type } = parameters[name]!
    if (!is[type](value)) throw new CommandFault(name, `must be ${words[type]}`)
    checked[name] = value
  }
  for (const [name, { required, about }] of Object.entries(parameters))
    if (required && !Object.hasOwn(checked, name)) throw new CommandFault(name, `is missing: ${about}`)
  return checked
}

type Type = CommandParameter['type']

const isText = (value: unknown): boolean => typeof value === 'string' && value.isWellFormed()

const is: Record<Type, (value: unknown) => boolean> = {
  text: isText,
  texts: (value) => Array.isArray(value) && value.every(isText),
  number: (value) => typeof value === 'bigint' || (typeof value === 'number' && Number.isFinite(value)),
  integer: (value) => typeof value === 'bigint' || Number.isSafeInteger(value),
  boolean: (value) => typeof value === 'boolean',
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  any: () => true
}

const words: Record<Type, string> = {
  text: 'text',
  texts: 'a list of texts',
  number: 'a number',
  integer: 'an integer',
  boolean: 'true or false',
  object: 'an object',
  any: 'a value'
}
