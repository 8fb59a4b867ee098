/** Begins to listen, on the port that was asked for or the next one that is free. */

import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { Config } from './config.ts'

const portAttemptsMax = 20
/**
 * Connections that wait to be accepted; the kernel may allow fewer (Linux: net.core.somaxconn). With Node's 511, a flood has those of others
 * tried again after a second.
 */
const backlog = 4_096

/** Says which port is taken, and takes the next one; but not where somebody chose it. */
export async function listen(
  http: FastifyInstance,
  { host, port, portGiven }: Config,
  log: Logger
): Promise<void> {
  for (let candidate = port; ; candidate++) {
    try {
      await http.listen({ host, port: candidate, backlog })
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
      if (portGiven || candidate >= port + portAttemptsMax) {
        throw new Error(`Port ${candidate} of ${host} is taken: set PORT to another one`, { cause: error })
      }
      log.warn({ port: candidate }, 'The port is taken; trying the next one')
    }
  }
}
