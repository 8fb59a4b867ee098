/**
 * Prisma's schema engine as WebAssembly, on a database: what `prisma migrate` would say, without its download.
 * The package loads its .wasm as a module, which Node 20 cannot, so it is instantiated here.
 */

import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { PrismaPg } from '@prisma/adapter-pg'
import { ColumnTypeEnum, bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils'
import pg from 'pg'

export interface SchemaEngine {
  /** Exit code 0: the database is what the schema says; 2: it differs, and `script` says how. */
  diff(): Promise<{ exitCode: number; script: string }>
  /** As `prisma migrate deploy`: names of the migrations that it applied now. */
  deploy(migrations: ReadonlyArray<{ name: string; sql: string }>): Promise<string[]>
  close(): Promise<void>
}

const require = createRequire(import.meta.url)
/** Partitions are the journal's own affair; prisma/config.ts tells Prisma the same. */
const filters = { externalTables: ['public.journal_class_0', 'public.journal_class_1'], externalEnums: [] }

let loaded: Promise<typeof import('@prisma/schema-engine-wasm/schema_engine_bg')> | null = null

/** Once per process: the glue code belongs to one instance. */
async function load(): Promise<typeof import('@prisma/schema-engine-wasm/schema_engine_bg')> {
  const directory = require.resolve('@prisma/schema-engine-wasm/schema_engine_bg').replace(/[^/]+$/, '')
  const glue = await import('@prisma/schema-engine-wasm/schema_engine_bg')
  const wasm = await WebAssembly.instantiate(await readFile(`${directory}schema_engine_bg.wasm`), {
    './schema_engine_bg.js': glue as unknown as WebAssembly.ModuleImports
  })
  const binding = glue as unknown as { __wbg_set_wasm(exports: WebAssembly.Exports): void }
  binding.__wbg_set_wasm(wasm.instance.exports)
  ;(wasm.instance.exports['__wbindgen_start'] as () => void)()
  Object.assign(globalThis, {
    PRISMA_WASM_PANIC_REGISTRY: {
      set_message(message: string) {
        process.stderr.write(message)
      }
    }
  })
  return glue
}

export async function openSchemaEngine(url: string, schema: string): Promise<SchemaEngine> {
  const glue = await (loaded ??= load())
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  const adapter = bindMigrationAwareSqlAdapterFactory(createFactory(pool))
  const engine = await glue.SchemaEngine.new({ datamodels: [['schema.prisma', schema]] }, () => {}, adapter)
  return {
    async diff() {
      const files = [{ path: 'schema.prisma', content: schema }]
      const from = { tag: 'schemaDatasource' as const, files, configDir: '/' }
      const result = await engine.diff({
        from,
        to: { tag: 'schemaDatamodel', files },
        script: true,
        exitCode: true,
        filters
      })
      return { exitCode: result.exitCode, script: result.stdout ?? '' }
    },
    async deploy(migrations) {
      const migrationDirectories = migrations.map(({ name, sql }) => ({
        path: name,
        migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value: sql } }
      }))
      const lockfile = { path: 'migration_lock.toml', content: 'provider = "postgresql"' }
      const migrationsList = {
        baseDir: '/migrations',
        lockfile,
        shadowDbInitScript: '',
        migrationDirectories
      }
      return (await engine.applyMigrations({ migrationsList, filters })).appliedMigrationNames
    },
    async close() {
      engine.free()
      await pool.end()
    }
  }
}

/** Postgres' type "char", which the engine reads from the catalogs and the adapter does not know. */
const charOid = 18
const textOid = 25

interface Patchable {
  performIO(query: unknown): Promise<{ fields: Array<{ dataTypeID: number }>; rows: object }>
  queryRaw(query: unknown): Promise<{ columnTypes: number[]; rows: object }>
  executeScript(script: string): Promise<void>
}

/** Two repairs: the type above, and scripts, which the adapter would split at every semicolon. */
function createFactory(pool: pg.Pool): PrismaPg {
  const factory = new PrismaPg(pool)
  const connect = factory.connect.bind(factory)
  factory.connect = async () => {
    const adapter = await connect()
    const patchable = adapter as unknown as Patchable
    const performIO = patchable.performIO.bind(adapter)
    const queryRaw = patchable.queryRaw.bind(adapter)
    const chars = new WeakMap<object, number[]>()
    patchable.performIO = async (query) => {
      const result = await performIO(query)
      const columns = result.fields.flatMap((field, index) => (field.dataTypeID === charOid ? [index] : []))
      for (const column of columns) result.fields[column]!.dataTypeID = textOid
      chars.set(result.rows, columns)
      return result
    }
    patchable.queryRaw = async (query) => {
      const result = await queryRaw(query)
      for (const column of chars.get(result.rows) ?? []) result.columnTypes[column] = ColumnTypeEnum.Character
      return result
    }
    patchable.executeScript = async (script) => void (await pool.query(script))
    return adapter
  }
  return factory
}
