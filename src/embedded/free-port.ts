import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'

export interface PortOptions {
  /** The first port to try; 0 leaves the choice to the operating system. */
  port: number
  /** Told of each port that was found taken, before the next one is tried. */
  onTaken: (port: number) => void
}

const host = '127.0.0.1'
const portsTriedMax = 100

/** Listens on loopback only, on `port` or else on the next one that is free; answers which. */
export async function listenOnFreePort(server: Server, { port, onTaken }: PortOptions): Promise<number> {
  for (let candidate = port; candidate < port + portsTriedMax && candidate <= 65_535; candidate++) {
    if (await tryListen(server, candidate)) return (server.address() as AddressInfo).port
    onTaken(candidate)
  }
  throw new Error(`No free port on ${host} from ${port} on; ${portsTriedMax} were tried at most`)
}

/** A port that was free a moment ago; another process may take it in between, so the caller must retry. */
export async function findFreePort(options: PortOptions): Promise<number> {
  const server = createServer()
  const port = await listenOnFreePort(server, options)
  server.close()
  await once(server, 'close')
  return port
}

/** False when the port is taken or not ours to use (below 1024); any other error is thrown. */
async function tryListen(server: Server, port: number): Promise<boolean> {
  try {
    const listening = once(server, 'listening') // rejects when 'error' comes first
    server.listen(port, host)
    await listening
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE' || code === 'EACCES') return false
    throw error
  }
}
