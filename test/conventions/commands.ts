/** Commands of a convention as they are rendered, for tests; parameters are checked as the service checks them. */

import type { CommandTarget, ConventionCommand, RenderedCommand } from '../../src/normalize/convention.ts'
import { checkParameters } from '../../src/normalize/command-parameters.ts'
import { receivedAt } from '../normalize/mappings.ts'

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
