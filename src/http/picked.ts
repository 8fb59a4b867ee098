/** Answers to `fields`: only what was asked for, beside the name that tells whose it is. */

import type { TSchema } from 'typebox'
import { Type } from 'typebox'
import type { Fields } from '../predicate/fields.ts'
import { pick } from '../predicate/fields.ts'
import { page, text } from './schemas.ts'

/** What an item is called by, whatever is asked for. */
export type Naming = 'topic' | 'device'

/** As it is answered: the whole, or what `fields` asks for. */
export function picking<Item>(
  toView: (item: Item) => Partial<Record<Naming, unknown>>,
  fields: Fields | null,
  naming: Naming
): (item: Item) => object {
  if (fields === null) return toView
  return (item) => {
    const view = toView(item)
    return { [naming]: view[naming], ...pick(view, fields) }
  }
}

/** Paths as they are written, RFC 6901. */
export const textsOf = ({ paths }: Fields): string[] =>
  paths.map((path) => path.map((name) => name.replaceAll('~', '~0').replaceAll('/', '~1')).join('/'))

const picked = (name: string, naming: Naming): TSchema =>
  Type.Object(
    { [naming]: text(`Name of the ${naming}`) },
    {
      $id: name,
      title: name,
      description: `With \`fields\`: the members that were asked for, nested as they are, and always \`${naming}\`.`,
      additionalProperties: true
    }
  )

const pickedPage = (name: string, of: string): TSchema =>
  page(name, of, 'With `fields`: a page of what was asked for.', {
    fields: Type.Array(Type.String(), { description: 'The paths that were asked for' })
  })

export const pickedSchemas: readonly TSchema[] = [
  picked('PickedTopic', 'topic'),
  picked('PickedDevice', 'device'),
  pickedPage('PickedTopicPage', 'PickedTopic'),
  pickedPage('PickedDevicePage', 'PickedDevice')
]
