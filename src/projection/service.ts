/** Normalization as the service has it: the projector with its chores, and what clients may ask of them. */

import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { Effect } from '../effects.ts'
import { Problem } from '../errors.ts'
import type { Feed } from '../feed/feed.ts'
import type { Limits } from '../limits.ts'
import type { MappingFault, MappingSet } from '../normalize/mapping-set.ts'
import { MappingsError } from '../normalize/mapping-set.ts'
import type { ProjectionStatus } from '../service-status.ts'
import type { Stats } from '../stats.ts'
import type { Store } from '../store/store.ts'
import { toSeq } from '../views.ts'
import { createAddresser } from './address.ts'
import { adopt, openProjection, tidyRetired } from './adopt.ts'
import type { Explainer } from './explain.ts'
import { loadMappings } from './mapping-file.ts'
import { createProjectedFeed } from './projected-feed.ts'
import type { ProjectedFeed, Projections } from './projections.ts'
import { createProjector, NotLeadingError } from './projector.ts'
import type { Live, Projector } from './projector.ts'
import { createRebuild } from './rebuild.ts'
import { createRedriver } from './redriver.ts'
import { createSilence } from './silence.ts'

export interface ProjectionService {
  projections: Projections
  feed: ProjectedFeed
  /** The mappings in use. */
  mappings(): MappingSet
  /** How far the current projection is, and the one that is being built. */
  status(): ProjectionStatus | null
  run(): Promise<void>
  stop(): Promise<void>
}

export interface ProjectionServiceParts {
  store: Store
  feed: Feed
  limits: Limits
  stats: Stats
  log: Logger
  /** Path of rialto.yaml, or null. */
  file: string | null
  /** It need not be there. */
  fileOptional: boolean
  set: MappingSet
  leading: () => boolean
  connectedSince: () => number | null
  runEffects: (effects: readonly Effect[]) => void
  createExplainer: (mappings: () => MappingSet) => Explainer
}

export async function createProjectionService(parts: ProjectionServiceParts): Promise<ProjectionService> {
  const { store, feed, limits, stats } = parts
  const empty = await loadMappings(null, limits)
  let set = parts.set
  let loadedAt = Date.now()
  let faults: readonly MappingFault[] = []
  const cache = createProjectedFeed({ store, limits, leading: parts.leading })
  const rebuild = createRebuild({
    ...parts,
    projector: () => projector,
    async switched(retired, current) {
      await redriver.switched(retired, current)
      await tidyRetired(adoptParts, current)
    }
  })
  const adoptParts = { store, feed, rebuild, limits, log: parts.log, empty }
  const redriver = createRedriver({ ...parts, cache, rebuild })
  const silence = createSilence(parts)
  const projector: Projector = createProjector({
    ...parts,
    cache,
    open: () => openProjection(adoptParts, set),
    async chores(live) {
      await silence.check(live)
      if (await redriver.step(live)) projector.wake()
    }
  })
  const exclusive = async <T>(task: (live: Live) => Promise<T>): Promise<T> => {
    try {
      return await projector.exclusive(task)
    } catch (error) {
      throw error instanceof NotLeadingError ? notLeading() : error
    }
  }
  const explainer = parts.createExplainer(() => set)

  async function read(): Promise<MappingSet> {
    try {
      const next = await loadMappings(parts.file, limits, { optional: parts.fileOptional })
      faults = []
      return next
    } catch (error) {
      if (!(error instanceof MappingsError)) throw new Problem('invalid_value', (error as Error).message)
      faults = error.faults
      throw new Problem(
        'invalid_value',
        `${error.file} has faults; the mappings before it stay in use`,
        error.faults.map(({ line, column, pointer, message, fix }) => ({
          pointer,
          detail: `Line ${line}, column ${column}: ${message}. ${fix}`
        }))
      )
    }
  }

  const projections: Projections = {
    async mappings() {
      const current = (await store.projections.list()).find(({ state }) => state === 'current')
      const { seq } = await store.journal.head()
      const { hash, mappings } = set
      const doneSeq = projector.doneSeq() ?? current?.doneSeq ?? 0
      const lag = Math.max(seq - doneSeq, 0)
      return { file: parts.file, hash, loadedAt, mappings, faults, doneSeq, lag }
    },
    preview: explainer.preview,
    explain: explainer.explain,
    address: createAddresser({ store, mappings: () => set, limits }),
    async reload({ rebuild: asked, by }) {
      const next = await read()
      loadedAt = Date.now()
      const changed = next.hash !== set.hash
      // Before it is used, so that nothing is without an entry
      if (by !== undefined) {
        const { principal, address } = by
        const detail = { hash: next.hash, before: set.hash, changed, rebuild: asked ?? next.rebuild }
        await store.audit.write({ principal, address, action: 'reloadMappings', subject: 'mappings', detail })
      }
      set = next
      const building =
        parts.leading() && changed
          ? await exclusive(async (live) => {
              const adopted = await adopt(adoptParts, live, next, asked ?? next.rebuild)
              projector.goOnWith(adopted.live)
              return adopted.building
            })
          : rebuild.building()
      return { changed, hash: next.hash, building }
    },
    async redrive({ principal, address }, ask) {
      if ((await store.projections.redrives.open()) >= limits.redrivesOpenMax)
        throw new Problem(
          'too_many_requests',
          `At most ${limits.redrivesOpenMax} redrives wait; let some end`
        )
      const { seq } = await store.journal.head()
      const redrive = await store.projections.redrives.create({
        ...ask,
        id: randomUUID(),
        principal,
        ...(address !== undefined && { address }),
        untilSeq: seq
      })
      redriver.wake()
      projector.wake()
      return redrive
    },
    redriveById: (_access, id) => store.projections.redrives.byId(id),
    redrives: (_access, limit) => store.projections.redrives.list({ after: null, limit }),
    list: () => store.projections.list(),
    async forget(access, subject) {
      const mayKnow =
        'topic' in subject
          ? access.mayRead(subject.topic)
          : (await store.devices.byName(access, subject.device)) !== null
      if (!mayKnow) throw new Problem('not_found', 'There is nothing of that name')
      const work = async () => {
        const interrupted = rebuild.building() !== null
        await rebuild.stop()
        try {
          const forgotten = await store.forget(subject, access.principal, access.address)
          if (forgotten === null) throw new Problem('not_found', 'There is nothing of that name')
          cache.forget()
          // Every instance keeps the newest facts in memory, and lets go of them when it reads this one
          await store.note('forgotten', { messages: forgotten.messages })
          feed.forget()
          return forgotten
        } finally {
          if (interrupted) await rebuild.begin(set)
        }
      }
      if (!parts.leading()) throw notLeading()
      return exclusive(async (live) => {
        live.states.clear()
        return work()
      })
    }
  }

  return {
    projections,
    feed: cache,
    mappings: () => set,
    status() {
      const row = projector.live()?.row
      if (row === undefined) return null
      const building = rebuild.building()
      const doneSeq = projector.doneSeq() ?? row.doneSeq
      return {
        id: String(row.id),
        doneSeq: toSeq(doneSeq),
        lag: Math.max(feed.end() - doneSeq, 0),
        mappingHash: set.hash,
        building: building && { id: String(building.id), progress: stats.rebuildProgress }
      }
    },
    run: () => projector.run(),
    async stop() {
      await projector.stop()
      await rebuild.stop()
    }
  }
}

const notLeading = (): Problem =>
  new Problem('not_leading', 'Ask the instance that leads: `leading` in its /v1/status')
