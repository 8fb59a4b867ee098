/** POST permissions/check: what whoever asks may do. */

import { Type } from 'typebox'
import { allowances, permissionActions, tellPermissions } from '../access/permissions.ts'
import type { PermissionAsk } from '../access/permissions.ts'
import { json, noQuery, refusalsOfV1 } from './answers.ts'
import type { RouteParts, Routes } from './parts.ts'
import type { RequestExample } from './request-example.ts'
import { nullable, ref, strict, word } from './schemas.ts'
import { bodyIsReadByRoute, createCheck } from './validation.ts'

export const permissionRequests: Record<string, Record<string, RequestExample>> = {
  checkPermissions: {
    demo: {
      summary: 'Whether rooms of the demo fleet may be read, and one commanded',
      body: {
        checks: [
          { action: 'read', filter: 'demo/+/telemetry' },
          { action: 'command', device: 'lab' },
          { action: 'administer' }
        ]
      }
    }
  }
}

export async function permissionRoutes(app: Routes, { limits }: RouteParts): Promise<void> {
  const subject = {
    topic: 'A topic name',
    filter:
      'A topic filter: `all` or `none` of what it matches, or `some`, which may be all of what there is',
    device: 'Name of a device: its topics, or commands by its name'
  }
  const action = word(permissionActions)
  const body = strict({
    checks: Type.Optional(
      Type.Array(
        strict({
          action,
          topic: Type.Optional(Type.String({ description: subject.topic })),
          filter: Type.Optional(Type.String({ description: subject.filter })),
          device: Type.Optional(Type.String({ description: subject.device }))
        }),
        {
          maxItems: limits.permissionChecksMax,
          description: 'What is asked about; absent: nothing but who asks'
        }
      )
    )
  })
  const check = createCheck(body)
  const answer = Type.Object({
    principal: Type.String({ description: 'Who asks' }),
    tenant: nullable(Type.String({ description: 'Topics begin with it; null: no tenant' })),
    grants: Type.Array(ref('Grant'), { description: 'What was granted' }),
    expiresAt: nullable(
      Type.String({ format: 'date-time', description: 'When it ends; null: not by itself' })
    ),
    checks: Type.Array(
      Type.Object({
        action,
        topic: nullable(Type.String({ description: subject.topic })),
        filter: nullable(Type.String({ description: subject.filter })),
        device: nullable(Type.String({ description: subject.device })),
        allowed: word(allowances)
      }),
      { description: 'As they were asked' }
    )
  })

  app.post(
    '/permissions/check',
    {
      config: { onlyReads: true },
      validatorCompiler: bodyIsReadByRoute,
      schema: {
        operationId: 'checkPermissions',
        summary: 'What you may do',
        description:
          'Your own grants, and what they come to for topics, filters and devices. Told without looking whether there is any of ' +
          'these: docs/access.md. The body may be left out.',
        tags: ['Access'],
        querystring: noQuery,
        body,
        response: {
          200: json('What you may', answer),
          ...refusalsOfV1(
            'malformed_json',
            'payload_too_large',
            'unsupported_media_type',
            'invalid_topic',
            'invalid_filter'
          )
        }
      }
    },
    async ({ access, body: given }) => {
      const { checks = [] } = check(given ?? {})
      return tellPermissions(access, checks as PermissionAsk[], limits)
    }
  )
}
