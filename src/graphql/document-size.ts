/** How much a document asks for, found without executing or validating it. Linear in its length. */

import type { DocumentNode, FragmentDefinitionNode, SelectionSetNode } from 'graphql'
import { Kind } from 'graphql'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'

export const tooComplex = (detail: string): Problem => new Problem('query_too_complex', detail)

/**
 * Counts what execution would visit, fragments as often as they are spread; before validation, which is not linear.
 * Throws Problem query_too_complex.
 */
export function checkSize(document: DocumentNode, limits: Limits): void {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const node of document.definitions) {
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node)
  }
  const sizes = new Map<string, Size>()
  let total = nothing
  for (const node of document.definitions) {
    if (node.kind !== Kind.OPERATION_DEFINITION && node.kind !== Kind.FRAGMENT_DEFINITION) continue
    const size = sizeOf(node.selectionSet, fragments, sizes)
    const own = [node, ...(node.variableDefinitions ?? [])]
    total = {
      selections: total.selections + size.selections,
      aliases: total.aliases + size.aliases,
      directives: total.directives + size.directives + countDirectives(own),
      // Fragments are as deep and as wide as where they are spread
      ...(node.kind === Kind.OPERATION_DEFINITION
        ? { depth: Math.max(total.depth, size.depth), width: Math.max(total.width, size.width) }
        : { depth: total.depth, width: total.width })
    }
  }
  for (const [count, max, what] of [
    [total.selections, limits.graphqlSelectionsMax, 'A document selects at most # fields'],
    [total.depth, limits.graphqlDepthMax, 'A query has at most # levels of fields'],
    [total.width, limits.graphqlRootFieldsMax, 'A query has at most # fields at its root'],
    [total.aliases, limits.graphqlAliasesMax, 'A document has at most # aliases'],
    [total.directives, limits.graphqlDirectivesMax, 'A document has at most # directives']
  ] as const)
    if (count > max) throw tooComplex(what.replace('#', String(max)))
}

interface Size {
  selections: number
  aliases: number
  directives: number
  depth: number
  /** Fields at the first level. */
  width: number
}

const nothing: Size = { selections: 0, aliases: 0, directives: 0, depth: 0, width: 0 }

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>

const countDirectives = (nodes: ReadonlyArray<{ directives?: readonly unknown[] | undefined }>): number =>
  nodes.reduce((sum, { directives }) => sum + (directives?.length ?? 0), 0)

function sizeOf({ selections }: SelectionSetNode, fragments: Fragments, sizes: Map<string, Size>): Size {
  const size = { ...nothing, directives: countDirectives(selections) }
  for (const node of selections) {
    const inner =
      node.kind === Kind.FRAGMENT_SPREAD
        ? sizeOfFragment(node.name.value, fragments, sizes)
        : node.selectionSet === undefined
          ? nothing
          : sizeOf(node.selectionSet, fragments, sizes)
    const isField = node.kind === Kind.FIELD
    size.selections += inner.selections + 1
    size.aliases += inner.aliases + (isField && node.alias !== undefined ? 1 : 0)
    size.directives += inner.directives
    size.width += isField ? 1 : inner.width
    // Introspection is deep by its nature, and bounded by a rule of its own
    const depth = isField && node.name.value.startsWith('__') ? 0 : inner.depth
    size.depth = Math.max(size.depth, depth + (isField ? 1 : 0))
  }
  return size
}

function sizeOfFragment(name: string, fragments: Fragments, sizes: Map<string, Size>): Size {
  const known = sizes.get(name)
  if (known !== undefined) return known
  // Counted as nothing while it is being counted: a cycle, which validation refuses
  sizes.set(name, nothing)
  const fragment = fragments.get(name)
  const size = fragment === undefined ? nothing : sizeOf(fragment.selectionSet, fragments, sizes)
  sizes.set(name, size)
  return size
}
