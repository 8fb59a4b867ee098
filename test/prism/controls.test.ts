/** Prism would notice: whatever an operation answers wrongly is told, down to the fields of the items of a page. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse } from 'yaml'
import { violationsOf } from './exchanges.ts'

interface Operation {
  operationId: string
  responses: Record<string, { content?: Record<string, { schema: { $ref?: string } }> }>
}

const { paths } = parse(readFileSync(new URL('../../openapi.yaml', import.meta.url), 'utf8')) as {
  paths: Record<string, Record<string, Operation>>
}

for (const [path, operations] of Object.entries(paths)) {
  for (const [method, { operationId, responses }] of Object.entries(operations)) {
    test(`${operationId}: a wrong answer is told`, async () => {
      const told = async (status: number, type: string, body: unknown): Promise<string[]> => {
        const violations = await violationsOf(
          {
            method: method.toUpperCase(),
            target: path.replaceAll(/\{\w+\}/g, '1'),
            headers: new Headers(),
            body: null
          },
          {
            status,
            headers: [['content-type', type]],
            bodyBase64: Buffer.from(JSON.stringify(body)).toString('base64')
          }
        )
        return violations!.filter(({ location }) => location[0] === 'response').map(({ message }) => message)
      }
      for (const [status, { content = {} }] of Object.entries(responses)) {
        for (const [type, { schema }] of Object.entries(content)) {
          if (!/^application\/(.+\+)?json$/.test(type) || Object.keys(schema).length === 0) continue
          assert.ok((await told(Number(status), type, 'wrong')).length > 0, `${status}: text as ${type}`)
          assert.ok((await told(Number(status), type, {})).length > 0, `${status}: nothing as ${type}`)
          if (!schema.$ref?.endsWith('Page')) continue
          const page = { items: [{}], next: null, cursor: 'c', limit: 100 }
          const items = await told(Number(status), type, page)
          assert.ok(
            items.some((message) => message.includes('items.0')),
            `${status}: ${items.join()}`
          )
        }
      }
      assert.ok((await told(299, 'application/json', {})).length > 0, 'a status that is not documented')
      assert.ok((await told(200, 'image/png', {})).length > 0, 'a type that is not documented')
    })
  }
}
