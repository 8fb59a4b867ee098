/** Which projection is read now: lists whose tokens carry ids of it ask for every page. */

import type { Pool } from './database.ts'

/** 0 where there is none yet. */
export const createCurrentProjection = (pool: Pool) => async (): Promise<number> => {
  const { rows } = await pool.query<{ id: number }>({
    name: 'current_projection',
    text: `select id from projections where state = 'current'`
  })
  return rows[0]?.id ?? 0
}
