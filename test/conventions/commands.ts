/** Commands of a convention as they are rendered, for tests; parameters are checked as the service checks them. */

import type {
  CommandTarget,
  Convention,
  ConventionCommand,
  ConventionParts,
  RenderedCommand
} from '../../src/normalize/convention.ts'
import { checkParameters } from '../../src/normalize/command-parameters.ts'
import { receivedAt } from '../normalize/mappings.ts'

/** With these options, and the defaults of the others. */
export function partsWith(convention: Convention, given: Record<string, unknown>): ConventionParts {
  const value = (name: string): unknown => given[name] ?? convention.options[name]!.default
  return convention.create({
    text: (name) => value(name) as string | null,
    texts: (name) => (value(name) as readonly string[] | null) ?? [],
    flag: (name) => value(name) as boolean,
    seconds: (name) => value(name) as number | null,
    file: (name) => value(name) as Uint8Array | null
  })
}

export const commandId = '5b2f6a0e-8a8a-4a3c-9f0e-6d2f4a1c7e55'

export const renderer =
  (commands: readonly ConventionCommand[], target: Partial<CommandTarget>) =>
  (name: string, parameters: Record<string, unknown>): RenderedCommand => {
    const command = commands.find((one) => one.name === name)!
    return command.render(
      {
        device: 'd',
        topic: 't',
        captures: {},
        state: null,
        attributes: {},
        id: commandId,
        now: receivedAt,
        ...target
      },
      checkParameters(command, parameters)
    )
  }
