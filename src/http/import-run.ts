/** Reads a file that is imported, and commits it a batch after the other. What is committed already is passed over. */

import { createHash } from 'node:crypto'
import { checkNotOver, isOver } from '../access/ended.ts'
import type { ProblemDetail } from '../errors.ts'
import { Problem } from '../errors.ts'
import type { LineBounds } from '../history/import-line.ts'
import { LineFault } from '../history/import-value.ts'
import type { Limits } from '../limits.ts'
import type { Access } from '../model.ts'
import type { Imports, OpenImport } from '../store/imports.ts'
import { BatchOfLines } from './import-batch.ts'
import type { SourceLine } from './import-lines.ts'

/** Why an import ended before its end, and how much of it is committed. */
export class ImportProblem extends Problem {
  readonly lines: number

  constructor({ code, message, errors, cause }: Problem, lines: number) {
    super(code, message, errors, { cause })
    this.lines = lines
  }

  override toJSON(): object {
    return { ...super.toJSON(), lines: this.lines }
  }
}

export interface ImportRunParts {
  imports: Pick<Imports, 'append'>
  limits: Limits
}

/**
 * Returns where it is at the end. Throws ImportProblem: for the first line that is wrong, with all before it committed; and
 * for whatever else ends it. When who asks is over, nothing is committed any more.
 */
export async function runImport(
  parts: ImportRunParts,
  access: Access,
  begun: OpenImport,
  source: AsyncIterable<SourceLine[]>
): Promise<OpenImport> {
  let open = begun
  try {
    return await readAll(parts, access, source, begun, (next) => (open = next))
  } catch (error) {
    throw error instanceof Problem ? new ImportProblem(error, open.lines) : error
  }
}

async function readAll(
  { imports, limits }: ImportRunParts,
  access: Access,
  source: AsyncIterable<SourceLine[]>,
  begun: OpenImport,
  onCommitted: (open: OpenImport) => void
): Promise<OpenImport> {
  let open = begun
  let batch = new BatchOfLines(limits)
  /** Of all lines so far, also those that are passed over. */
  const running = createHash('sha256')
  /** The batch before, on its way: the next one is read meanwhile. */
  let committing: Promise<void> = Promise.resolve()
  let number = 0

  async function commit(): Promise<void> {
    await committing
    if (batch.lines === 0) return
    checkNotOver(access)
    const full = batch.toBatch(running.copy().digest())
    batch = new BatchOfLines(limits)
    committing = imports.append(open, full).then((next) => onCommitted((open = next)))
    committing.catch(() => {}) // thrown where it is waited for
  }

  async function finish(): Promise<void> {
    await commit()
    await committing
  }

  try {
    for await (const lines of source) {
      const mayPublish = rememberRights(access)
      for (const line of lines) {
        number++
        if (number <= begun.lines) {
          running.update(line.raw).update('\n')
          if (number === begun.lines && !running.copy().digest().equals(begun.digest!))
            throw anotherFile(begun)
          continue
        }
        checkNotOver(access)
        const read = line.read()
        if (read !== null && !mayPublish(read.topic))
          throw new LineFault('topic', 'is one that you may not publish to', 'forbidden')
        running.update(line.raw).update('\n')
        batch.add(read)
        if (batch.isFull()) await commit()
      }
    }
  } catch (error) {
    if (isOver(access)) await committing
    else if (number > begun.lines) await finish()
    throw error instanceof LineFault ? toProblem(error, number) : error
  }
  if (number < begun.lines) throw anotherFile(begun)
  await finish()
  return open
}

/** For lines that are read at once: later, they may be others. */
function rememberRights(access: Access): (topic: string) => boolean {
  let last: { topic: string; may: boolean } | null = null
  return (topic) => {
    if (last?.topic !== topic) last = { topic, may: access.mayPublish(topic) }
    return last.may
  }
}

const anotherFile = ({ id, lines }: OpenImport): Problem =>
  new Problem(
    'idempotency_mismatch',
    `This file does not begin with the ${lines} lines that are committed as the import ${id}: choose another id`
  )

/** Line 0 is the header of CSV. */
function toProblem({ code, member, message }: LineFault, number: number): Problem {
  const name = member.replaceAll('~', '~0').replaceAll('/', '~1')
  const errors: ProblemDetail[] = [{ pointer: `/${number}${name && `/${name}`}`, detail: message }]
  const where = number === 0 ? 'The header' : `Line ${number}`
  return new Problem(
    code,
    `${where}: ${member && `\`${member.slice(0, 100)}\` `}${message}. Mend it, and send the file again`,
    errors
  )
}

/** As of now, since an import may last long. Asked for each line. */
export const boundsOf =
  ({ nameBytesMax, datapointBytesMax, clockAheadSecondsMax }: Limits) =>
  (): LineBounds => ({ nameBytesMax, datapointBytesMax, clockAheadSecondsMax, now: Date.now() })
