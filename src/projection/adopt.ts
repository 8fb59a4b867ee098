/** The mappings of this instance meet the projection that is current: at the start, and when they are read again. */

import type { Logger } from 'pino'
import type { Projection } from '../datapoints.ts'
import type { Feed } from '../feed/feed.ts'
import type { Limits } from '../limits.ts'
import type { Seq } from '../model.ts'
import type { MappingSet } from '../normalize/mapping-set.ts'
import type { Store } from '../store/store.ts'
import { DecoderStates } from './decoder-states.ts'
import type { Live } from './projector.ts'
import { tell } from './projector.ts'
import { carryAll } from './carried.ts'
import type { Rebuild } from './rebuild.ts'

export interface AdoptParts {
  store: Store
  feed: Feed
  rebuild: Rebuild
  limits: Limits
  log: Logger
  /** A document without mappings. */
  empty: MappingSet
}

/** The projection that is current, under these mappings, with a rebuild under way where one is due. */
export async function openProjection(parts: AdoptParts, set: MappingSet): Promise<Live> {
  const { store, empty, limits } = parts
  let row = await store.projections.current({ hash: empty.hash, text: empty.text })
  await tidyRetired(parts, row)
  if (row.mappingHash === empty.hash) row = await passOver(store, row)
  const live: Live = { row, set, states: new DecoderStates(store, row.id, limits) }
  if (row.mappingHash === set.hash) {
    await parts.rebuild.resume(set)
    return live
  }
  return (await adopt(parts, live, set, set.rebuild)).live
}

/**
 * Messages that come now are normalized by `set`, in the projection that is current; and, unless told not to, all that are
 * kept are in one that is built behind it. What the decoders of unchanged mappings remember stays.
 */
export async function adopt(
  { store, rebuild, empty, limits, log }: AdoptParts,
  live: Live,
  set: MappingSet,
  rebuilding: boolean
): Promise<{ live: Live; building: Projection | null }> {
  let { row } = live
  const begun = row.mappingHash === empty.hash && set.hash !== empty.hash
  // Nothing is in it, unless it was imported, so that the current one itself can begin where the journal does
  const again = begun && rebuilding ? await store.projections.restart(row.id) : null
  if (begun && (again !== null || !rebuilding)) {
    if (again === null) row = await passOver(store, row)
    else await carryAll({ store, limits, log }, { ...live, row: (row = again), set })
    await store.projections.setMapping(row.id, { hash: set.hash, text: set.text })
    return {
      live: { ...live, row: { ...row, mappingHash: set.hash, mappingText: set.text }, set },
      building: null
    }
  }
  // One that is being built for other mappings would bring them back
  const building = rebuilding || rebuild.building() !== null ? await rebuild.begin(set) : null
  // Last: until the row says so, another start finds that the mappings have changed
  await store.projections.setMapping(row.id, { hash: set.hash, text: set.text })
  row = { ...row, mappingHash: set.hash, mappingText: set.text }
  return { live: { ...live, row, set }, building }
}

/** What has come so far is left as it is: without mappings, nothing but what was imported says something. */
async function passOver(store: Store, row: Projection): Promise<Projection> {
  // The head first: what is imported after it is behind it
  const { seq } = await store.journal.head()
  return (await store.projections.anyImported()) ? row : skipTo(store, row, seq)
}

async function skipTo(store: Store, row: Projection, seq: Seq): Promise<Projection> {
  if (seq <= row.doneSeq) return row
  const chunk = { from: row.doneSeq, to: seq, messages: [], states: [] }
  await store.projections.write(row.id, chunk, { live: false })
  return { ...row, doneSeq: seq }
}

/** A switch that was not brought to its end: what it changed is told, and what it replaced is dropped. */
export async function tidyRetired({ store, feed, limits }: AdoptParts, current: Projection): Promise<void> {
  for (const id of await store.projections.untold()) {
    const limit = limits.presenceChangesPerCheckMax
    for (;;) {
      const { announced, facts } = await store.projections.announce(id, current.id, limit)
      tell(feed, facts)
      if (announced < limit) break
    }
    // What it alone knows is carried over while the projector goes on
    if (await store.rollups.carriesOver(id)) await store.projections.told(id)
    else await store.projections.drop(id)
  }
}
