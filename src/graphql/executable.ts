/** Makes the one schema that HTTP and WebSocket execute: SDL, scalars, enums and resolvers put together. */

import type { GraphQLFieldConfig } from 'graphql'
import { extendSchema, GraphQLObjectType, GraphQLSchema, parse } from 'graphql'
import type { Context } from './context.ts'
import { deviceEnums } from './enums-devices.ts'
import { enums } from './enums.ts'
import { scalars } from './scalars.ts'
import { connections, reading } from './schema.ts'
import { audit } from './schema-audit.ts'
import { commandBatches } from './schema-command-batches.ts'
import { commands } from './schema-commands.ts'
import { devices } from './schema-devices.ts'
import { history } from './schema-history.ts'
import { keys } from './schema-keys.ts'
import { mappings } from './schema-mappings.ts'
import { objects } from './schema-objects.ts'
import { permissions } from './schema-permissions.ts'
import { previews } from './schema-previews.ts'
import { retention } from './schema-retention.ts'
import { rejections } from './schema-rejections.ts'
import { streams } from './schema-streams.ts'
import { webhooks } from './schema-webhooks.ts'

type Field = GraphQLFieldConfig<unknown, Context>

/** Functions for fields, by type and field. Fields without one read the property of their name. */
export type Resolvers = Record<string, Record<string, Pick<Field, 'resolve' | 'subscribe'>>>

/** The schema as it is printed; nothing in it resolves yet. */
export function buildSchema(): GraphQLSchema {
  // SDL cannot say how a scalar is parsed or which value an enum stands for, so those are there before it is read
  return extendSchema(
    new GraphQLSchema({ types: [...scalars, ...enums, ...deviceEnums] }),
    parse(
      [
        reading,
        streams,
        commands,
        commandBatches,
        objects,
        connections,
        devices,
        history,
        rejections,
        mappings,
        previews,
        retention,
        permissions,
        webhooks,
        audit,
        keys
      ].join('')
    )
  )
}

export function buildExecutableSchema(...resolvers: Resolvers[]): GraphQLSchema {
  const schema = buildSchema()
  for (const [typeName, fields] of resolvers.flatMap((some) => Object.entries(some))) {
    const type = schema.getType(typeName)
    if (!(type instanceof GraphQLObjectType)) throw new Error(`There is no object type ${typeName}`)
    for (const [fieldName, functions] of Object.entries(fields)) {
      const field = type.getFields()[fieldName]
      if (field === undefined) throw new Error(`There is no field ${typeName}.${fieldName}`)
      Object.assign(field, functions)
    }
  }
  return schema
}
