/** A real OpenID Connect issuer (oidc-provider, certified) on loopback, which can lose keys, get new ones, and go away. */

import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { JWK } from 'jose'
import { exportJWK, generateKeyPair, importJWK, SignJWT } from 'jose'
import { Provider } from 'oidc-provider'
import { atEnd } from './cleanup.ts'

export interface TestIssuer {
  /** As it names itself. */
  url: string
  audience: string
  /** What it signs with: the first. It publishes the public parts of all. */
  keys: JWK[]
  /** A token that it issues for the client `reader`, with these claims beside its own. */
  issue(claims?: object, given?: { audience?: string; seconds?: number }): Promise<string>
  /** A token that it would not issue: claims and header as they are given, signed with its first key or another. */
  sign(claims: object, header?: object, key?: JWK): Promise<string>
  /** It goes on with other keys. */
  use(keys: JWK[]): void
  /** What it answers instead of its own, by path. */
  answers: Map<string, (response: ServerResponse) => void>
  /** How often its keys were asked for. */
  keysRead(): number
  stop(): Promise<void>
  start(): Promise<void>
}

/** A private key, with an id of its own. */
export async function makeKey(alg = 'ES256', more: object = {}): Promise<JWK> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true })
  return {
    ...(await exportJWK(privateKey)),
    alg,
    use: 'sig',
    kid: Math.random().toString(36).slice(2),
    ...more
  }
}

export async function startIssuer(algs: readonly string[] = ['ES256']): Promise<TestIssuer> {
  let handle: (request: IncomingMessage, response: ServerResponse) => void = () => {}
  let keysRead = 0
  let extra: object = {}
  let seconds = 300
  const answers: TestIssuer['answers'] = new Map()
  const server = createServer((request, response) => {
    // Else a connection that was kept alive looks like a fault after `stop`
    response.setHeader('connection', 'close')
    const path = request.url!.split('?', 1)[0]!
    if (path === '/jwks') keysRead++
    const answer = answers.get(path)
    if (answer !== undefined) return answer(response)
    handle(request, response)
  })
  const listen = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  await listen(0)
  const { port } = server.address() as { port: number }
  const url = `http://127.0.0.1:${port}`
  const audience = 'urn:rialto:test'

  const issuer: TestIssuer = {
    url,
    audience,
    keys: await Promise.all(algs.map((alg) => makeKey(alg))),
    answers,
    keysRead: () => keysRead,
    async issue(claims = {}, given = {}) {
      extra = claims
      seconds = given.seconds ?? 300
      const response = await fetch(`${url}/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'client_credentials',
          client_id: 'reader',
          client_secret: 'secret of the reader',
          resource: given.audience ?? audience
        })
      })
      const answer = (await response.json()) as { access_token?: string }
      if (answer.access_token === undefined) throw new Error(JSON.stringify(answer))
      return answer.access_token
    },
    async sign(claims, header = {}, key = issuer.keys[0]!) {
      const { alg, kid } = key
      return new SignJWT({ ...claims })
        .setProtectedHeader({ alg: alg!, ...(kid !== undefined && { kid }), ...header })
        .sign(await importJWK(key, alg))
    },
    use(keys) {
      issuer.keys = keys
      const alg = keys[0]!.alg!
      handle = new Provider(url, {
        jwks: { keys },
        clients: [
          {
            client_id: 'reader',
            client_secret: 'secret of the reader',
            token_endpoint_auth_method: 'client_secret_post',
            grant_types: ['client_credentials'],
            redirect_uris: [],
            response_types: [],
            id_token_signed_response_alg: alg
          }
        ],
        enabledJWA: { idTokenSigningAlgValues: [...new Set(keys.map((key) => key.alg))] },
        extraTokenClaims: () => extra,
        ttl: { ClientCredentials: () => seconds },
        features: {
          clientCredentials: { enabled: true },
          devInteractions: { enabled: false },
          resourceIndicators: {
            enabled: true,
            getResourceServerInfo: (_: unknown, resource: string) => ({
              audience: resource,
              scope: '',
              accessTokenFormat: 'jwt',
              accessTokenTTL: seconds,
              jwt: { sign: { alg } }
            })
          }
        }
      }).callback()
    },
    async stop() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
    start: () => listen(port)
  }
  issuer.use(issuer.keys)
  atEnd(() => {
    server.closeAllConnections()
    if (server.listening) server.close()
  })
  return issuer
}
