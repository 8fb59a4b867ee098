/** Writes docs/conventions.md. */

import { writeFile } from 'node:fs/promises'
import { describeConventions } from './describe.ts'

await writeFile(new URL('../../docs/conventions.md', import.meta.url), describeConventions())
