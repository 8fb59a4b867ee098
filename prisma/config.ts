import { defineConfig } from 'prisma/config'

// The CLI wants its schema engine, a download, even for commands that never start it. Naming any program that exists
// lets these four work without internet; commands that need the engine still fail loudly.
if (/^(generate|validate|format|version)$/.test(process.argv[2] ?? '')) {
  process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= process.execPath
}

export default defineConfig({
  schema: 'schema.prisma',
  migrations: { path: 'migrations' },
  // Partitions of the journal, which is modelled
  experimental: { externalTables: true },
  tables: { external: ['public.journal_class_0', 'public.journal_class_1'] },
  datasource: { url: process.env['DATABASE_URL'] ?? 'postgresql://localhost/rialto' }
})
