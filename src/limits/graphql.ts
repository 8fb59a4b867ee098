/** What one GraphQL request may ask for. */

export const graphqlLimits = {
  graphqlDepthMax: 12,
  /** Payloads belong into variables, which are not kept with the document. */
  graphqlDocumentCharsMax: 50_000,
  /** The standard introspection query has 400 of them. */
  graphqlTokensMax: 2_000,
  graphqlSelectionsMax: 1_000,
  /** Each of them may be a page of the database. */
  graphqlRootFieldsMax: 20,
  /** Each of them asks again for what was asked for. */
  graphqlAliasesMax: 100,
  graphqlDirectivesMax: 50,
  /**
   * Pages within pages of one request, such as the metrics of each device; their items; and statements that read them at
   * once. Pages that are asked for alike are one statement.
   */
  graphqlNestedPagesMax: 2_000,
  graphqlNestedItemsMax: 20_000,
  graphqlNestedReadsMax: 4,
  /** Values of buckets and their starts in one answer, however often they are asked for. */
  graphqlHistoryValuesMax: 2_000_000,
  /** As parsed; and as often as text, of those that clients name by their hash. */
  graphqlDocumentsKeptMax: 100,
  /** The file of documents that clients may name. */
  graphqlListedBytesMax: 16 * 1024 * 1024,
  graphqlListedDocumentsMax: 5_000,
  graphqlErrorsMax: 20
}
