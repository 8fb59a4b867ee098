/** Renders a command of a convention, as the service does once its parameters are checked. */

import type {
  CommandTarget,
  Convention,
  ConventionParts,
  OptionValues,
  RenderedCommand
} from '../../src/normalize/convention.ts'

/** As rialto.yaml gives them; the defaults where it gives none. */
export function create(convention: Convention, given: Record<string, unknown> = {}): ConventionParts {
  const read = (name: string): never => (given[name] ?? convention.options[name]!.default) as never
  const options: OptionValues = { text: read, texts: read, flag: read, seconds: read, file: read }
  return convention.create(options)
}

export function render(
  convention: Convention,
  options: Record<string, unknown>,
  target: Pick<CommandTarget, 'device' | 'topic' | 'captures'>,
  parameters: Record<string, unknown>
): RenderedCommand {
  const [command] = create(convention, options).commands
  return command!.render({ state: null, attributes: {}, id: 'id', now: 0, ...target }, parameters)
}
