/** Who asks, and what they are granted. */

export const accessLimits = {
  /** Of one key or token. */
  grantsMax: 200
}
