/** Who asks, and what they are granted. */

export const accessLimits = {
  /** Of each address, or IPv6 /64: requests in a `rateWindowMs` of which it is not known who asks; then they are told nothing else. */
  unauthenticatedPerMinuteMax: 120,
  rateWindowMs: 60_000,
  /** Callers whose requests are counted; those that asked last are kept. */
  rateCallersMax: 10_000,
  /** Of one key or token. */
  grantsMax: 200,
  /** Of one key's grants as JSON: every instance has all keys in memory. */
  keyGrantsBytesMax: 32 * 1024,
  /** That are good; and as many that are over are shown. */
  keysMax: 1_000,
  keyNameCharsMax: 200,
  /** From now on to its end, where it has one: ten years. */
  keySecondsMax: 315_360_000,
  /** How long the text before a rotation may be good, too. */
  keyOverlapSecondsMax: 30 * 86_400,
  /** How long a key is shown that was revoked or expired. */
  keyKeptAfterEndSeconds: 90 * 86_400,
  /** How often each instance looks for changed keys, beside being told; and ends those whose time is over. */
  keysReadMs: 500,
  /** Between two looks for keys that nobody knows, however many are asked for. */
  unknownKeysReadMs: 100,
  /** How often it is written of a key that it is in use. */
  keyUseWrittenMs: 60_000,
  /** Of a token (JWT) as it is sent; Node takes 16 KiB of headers together. */
  tokenBytesMax: 8_192,
  /** Of `sub`, as OpenID Connect has it. */
  tokenSubjectBytesMax: 255,
  /** Tokens whose signature is not verified again while they are good; the least recently used are verified anew. */
  tokensRememberedMax: 10_000,
  /** How often tokens that run streams are looked at for their end. */
  tokenEndsMs: 250,
  /** Of a ticket, which carries the rights of a token, in a URL. */
  ticketBytesMax: 8_192,
  /** For one answer of the issuer. */
  issuerMsMax: 5_000,
  /** Of one answer of the issuer. */
  issuerDocumentBytesMax: 262_144,
  /** Its keys are read anew so often: a key that it took back is good for no longer than this. */
  issuerRefreshMs: 300_000,
  /** A token of a key that is not known has the keys read anew, at most so often. */
  issuerCooldownMs: 10_000,
  /** While the issuer is away: at first, doubled each time, and at most. */
  issuerBackoffMsMin: 1_000,
  issuerBackoffMsMax: 60_000,
  /** Keys that could not be read anew for so long are good for no token that was not seen before. */
  issuerKeysStaleMsMax: 3_600_000,
  /** When a key or token is over, what its streams had said before may still leave; milliseconds. */
  accessOverMsMax: 500,
  /** Credentials that wait on one connection to replace the one before. */
  renewalsWaitingMax: 4,
  /** Devices that are in grants to read and are used, in memory of one instance. */
  devicesGrantedMax: 10_000,
  /** Source topics of one of them: the oldest. */
  deviceTopicsMax: 1_000,
  /** Between two reads of the topics of all of them. */
  deviceTopicsReadMs: 400,
  /** How long somebody who comes with a new one waits for its topics at most. */
  deviceTopicsWaitMs: 1_000,
  /** How long they are kept when nobody uses them. */
  deviceTopicsKeptMs: 600_000,
  /** Between two lines of the log about those who were refused. */
  refusalsToldMs: 1_000,
  /** Named in one of these lines; the others are only counted. */
  refusalAddressesMax: 10,
  /** In one request about what may be done. */
  permissionChecksMax: 100
}
