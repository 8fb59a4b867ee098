/** Who asks, and what they are granted. */

export const accessLimits = {
  /** Of one key or token. */
  grantsMax: 200,
  /** Of one key's grants as JSON: every instance has all keys in memory. */
  keyGrantsBytesMax: 32 * 1024,
  /** That are good; and as many that are over are shown. */
  keysMax: 1_000,
  keyNameCharsMax: 200,
  /** How long the text before a rotation may be good, too. */
  keyOverlapSecondsMax: 30 * 86_400,
  /** How long a key is shown that was revoked or expired. */
  keyKeptAfterEndSeconds: 90 * 86_400,
  /** How often each instance looks for changed keys, beside being told; and ends those whose time is over. */
  keysReadMs: 500,
  /** Between two looks for keys that nobody knows, however many are asked for. */
  unknownKeysReadMs: 100,
  /** How often it is written of a key that it is in use. */
  keyUseWrittenMs: 60_000
}
