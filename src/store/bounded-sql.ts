/** As many rows of `sql` as fit in the bytes, and at least one. Lengths are known without reading the payloads. */
export const boundedSql = (sql: string, order: 'asc' | 'desc', bytesMax: string): string => `
  select * from (
    select rows.*, count(*) over () as found, coalesce(sum(octet_length(payload)) over (
      order by seq ${order} rows between unbounded preceding and 1 preceding), 0) as bytes_before,
      coalesce(octet_length(payload), 0) as bytes
    from (${sql}) as rows
  ) as counted
  where bytes_before = 0 or bytes_before + bytes <= ${bytesMax}
  order by seq ${order}`
