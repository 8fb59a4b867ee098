/** Webhooks: how many, what is sent at once, and how long their receivers have. */

export const webhookLimits = {
  webhooksMax: 100,
  webhookUrlCharsMax: 2_048,
  webhookDescriptionCharsMax: 1_000,
  /** Sent in one request; an event larger than this is sent alone. */
  webhookEventsMax: 100,
  webhookBodyBytesMax: 1024 * 1024,
  /** Requests under way at once, of all webhooks; each has one. */
  webhooksSendingMax: 32,
  /** Under way at once, of all clients. */
  webhookPingsMax: 8,
  /** From the name's resolution to the status of the answer. */
  webhookAnswerMsMax: 10_000,
  /** Of an answer's body, which nobody looks at. */
  webhookAnswerBytesMax: 4 * 1024,
  /** How long more events are waited for, once there is one. */
  webhookLingerMs: 50,
  /** After a failure: the first wait, which doubles, and the longest. A tenth more or less, at random. */
  webhookRetryMsMin: 5_000,
  webhookRetryMsMax: 600_000,
  /** How often the instance that leads looks for webhooks that are new or were changed by another one. */
  webhookPollMs: 1_000,
  /** How often it is written how far a webhook is that is sent nothing. */
  webhookPlaceMs: 10_000,
  /** Events that are not wanted, looked at in one go. */
  webhookScanEventsMax: 1_000,
  webhookErrorCharsMax: 200,
  /** How long the secret before a rotation signs, too. */
  webhookSecretOverlapSeconds: 86_400
}
